// Runs before the first paint: the remembered theme, and the fact that scripts run.
(function () {
  var root = document.documentElement;
  root.setAttribute('data-script', '');
  try {
    var theme = localStorage.getItem('theme');
    if (theme === 'light' || theme === 'dark') root.setAttribute('data-theme', theme);
  } catch (error) {
    // Storage may be refused; the system's theme then applies.
  }
})();
