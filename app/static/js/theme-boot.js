// Runs before the first paint: the remembered theme, the fact that scripts run, and presses on
// [data-early] buttons whose module is still on its way.
(function () {
  var root = document.documentElement;
  root.setAttribute('data-script', '');
  try {
    var theme = localStorage.getItem('theme');
    if (theme === 'light' || theme === 'dark') root.setAttribute('data-theme', theme);
  } catch (error) {
    // Storage may be refused; the system's theme then applies.
  }
  document.addEventListener('click', function (event) {
    var button = event.target.closest && event.target.closest('[data-early]');
    if (button) button.dataset.early = 'pressed';
  }, true);
})();
