//! The video codec from the outside.

mod exactness;
mod garbage;
mod image;
mod layers;
mod losses;
mod motion;
mod plain53;
mod rates;
