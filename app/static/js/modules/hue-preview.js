// The strokes beside a hue's slider, in that hue.
export function init(element) {
  const slider = element.querySelector('input[type="range"]');
  const stroke = element.querySelector('.swatch path');
  slider.addEventListener('input', () => {
    stroke.setAttribute('stroke', `oklch(62% 0.12 ${slider.value})`);
  });
}
