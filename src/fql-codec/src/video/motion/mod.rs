//! Prediction from an earlier frame: where its parts come from (`field`, coded by `code`, found by `search`), what
//! they look like there (`interpolate`), how those of neighbours go over into one another (`blend`), all of it
//! together (`predict`), and what is worked on (`plane`).

pub(super) mod blend;
pub(super) mod code;
pub(super) mod field;
pub(super) mod interpolate;
pub(super) mod plane;
pub(super) mod predict;
pub(super) mod search;
