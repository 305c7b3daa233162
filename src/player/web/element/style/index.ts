/** The looks of the player, one sheet for all players of a page. */
import bar from "./bar.css?inline";
import base from "./base.css?inline";
import figures from "./figures.css?inline";
import fitting from "./fitting.css?inline";
import messages from "./messages.css?inline";

let sheet: CSSStyleSheet | undefined;

/** The sheet for shadow roots. Strict policies allow it, as they do not allow `<style>` in markup. */
export function styleSheet(): CSSStyleSheet {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync([base, figures, messages, bar, fitting].join("\n"));
  }
  return sheet;
}
