//! Pushing and playing.

use crate::args::{Play, Push};
use crate::client::Client;
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::settings::Settings;

pub fn push(_: &Client, _: &Push, _: Output) -> Result<()> {
    Err(Failure::failed("this build cannot push"))
}

pub fn play(_: &Settings, _: &Play, _: Output) -> Result<()> {
    Err(Failure::failed("this build cannot play"))
}

pub fn only_lists_devices(_: &Push) -> bool {
    false
}

pub fn list_devices(_: Output) -> Result<()> {
    Err(Failure::failed("this build knows no devices"))
}
