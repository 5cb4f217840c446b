// Shows a PDF in the page where the browser can and the screen has room. Elsewhere the buttons
// beside it open and keep the file.
const ROOM = matchMedia('(width >= 48rem)');

export function init(element) {
  if (!navigator.pdfViewerEnabled) return;

  function show() {
    if (!ROOM.matches || element.firstElementChild) return;
    const frame = document.createElement('iframe');
    frame.className = 'document__frame';
    frame.title = element.dataset.title;
    frame.src = element.dataset.src;
    element.append(frame);
    element.hidden = false;
  }

  show();
  ROOM.addEventListener('change', show);
}
