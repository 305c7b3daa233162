//! The functions that JavaScript calls. One instance of the module is one thread: what it holds is [`MODULE`].
//!
//! Input is written to the memory that [`input`] gives, then a call reads it. Output lies at [`output`] until the next
//! call. A call that can fail gives 0 or a negative number then, and words as output. Times are milliseconds since the
//! epoch.

use std::cell::RefCell;

use fql_codec::video::{Format, Picture, Reference};
use fql_unit::Chroma;

use crate::module::SessionInput;
use crate::{Error, Heard, Module};

/// The version of these functions: the page refuses a module of another one.
const VERSION: u32 = 4;

thread_local! {
    static MODULE: RefCell<Module> = RefCell::new(Module::default());
}

fn with<T>(work: impl FnOnce(&mut Module) -> T) -> T {
    MODULE.with_borrow_mut(work)
}

/// What a call gives, or `failed` and the words as output.
fn give<T>(failed: T, work: impl FnOnce(&mut Module) -> Result<T, Error>) -> T {
    with(|module| {
        let result = work(module);
        result.unwrap_or_else(|error| {
            module.fail(&error);
            failed
        })
    })
}

/// The version of these functions.
#[unsafe(no_mangle)]
pub extern "C" fn abi_version() -> u32 {
    VERSION
}

/// Where to write so many bytes of input; null where they are too many.
#[unsafe(no_mangle)]
pub extern "C" fn input(len: u32) -> *mut u8 {
    with(|module| module.input(len as usize).map_or(std::ptr::null_mut(), <[u8]>::as_mut_ptr))
}

/// Where the output lies.
#[unsafe(no_mangle)]
pub extern "C" fn output() -> *const u8 {
    with(|module| module.output().as_ptr())
}

/// How many bytes the output has.
#[unsafe(no_mangle)]
pub extern "C" fn output_len() -> u32 {
    with(|module| module.output().len() as u32)
}

/// Forgets a session or a decoder.
#[unsafe(no_mangle)]
pub extern "C" fn free_object(id: u32) {
    with(|module| module.free(id));
}

/// See [`Module::open_session`]. Gives its number, 0 on failure.
#[unsafe(no_mangle)]
pub extern "C" fn session_open(
    now: f64,
    latency_ms: u32,
    max_layer: u32,
    key: u32,
    playback_id: u32,
    token: u32,
) -> u32 {
    let lengths =
        SessionInput { key: key as usize, playback_id: playback_id as usize, token: token as usize };
    give(0, |module| module.open_session(now, latency_ms, max_layer, lengths))
}

/// See [`Module::session_datagram`].
#[unsafe(no_mangle)]
pub extern "C" fn session_datagram(id: u32, now: f64) {
    with(|module| module.session_datagram(id, now));
}

/// See [`Module::session_transmit`].
#[unsafe(no_mangle)]
pub extern "C" fn session_transmit(id: u32, now: f64) -> u32 {
    with(|module| module.session_transmit(id, now).into())
}

/// See [`Module::session_timeout`].
#[unsafe(no_mangle)]
pub extern "C" fn session_timeout(id: u32) -> f64 {
    with(|module| module.session_timeout(id))
}

/// See [`Module::session_event`].
#[unsafe(no_mangle)]
pub extern "C" fn session_event(id: u32) -> u32 {
    with(|module| module.session_event(id))
}

/// See [`Module::session_stats`].
#[unsafe(no_mangle)]
pub extern "C" fn session_stats(id: u32, now: f64) -> u32 {
    with(|module| module.session_stats(id, now).into())
}

/// See [`Module::session_set_max_layer`].
#[unsafe(no_mangle)]
pub extern "C" fn session_set_max_layer(id: u32, max_layer: u32) {
    with(|module| module.session_set_max_layer(id, max_layer));
}

/// See [`Module::session_close`].
#[unsafe(no_mangle)]
pub extern "C" fn session_close(id: u32, now: f64) {
    with(|module| module.session_close(id, now));
}

/// See [`Module::new_video`]. `chroma` is as in the track table, 0 to 4. Gives its number, 0 on failure.
#[unsafe(no_mangle)]
pub extern "C" fn video_new(width: u32, height: u32, chroma: u32, bits: u32, alpha: u32) -> u32 {
    give(0, |module| {
        let chroma = match chroma {
            0 => Chroma::Grey,
            1 => Chroma::Yuv420,
            2 => Chroma::Yuv422,
            3 => Chroma::Yuv444,
            4 => Chroma::Rgb,
            _ => return Err(Error::Chroma(chroma)),
        };
        let format = Format { chroma, alpha: alpha != 0, bits: u8::try_from(bits).unwrap_or(u8::MAX) };
        module.new_video(width, height, format)
    })
}

/// See [`Module::video_decode`]. Gives the complete layers, plus 256 where the picture is exact, 512 where a slice shows
/// the picture before, and 1024 times what there was of its reference: 0 for a key frame, 1 all of it, 2 not all of it
/// or of what it rests on, 3 nothing; -1 on failure.
#[unsafe(no_mangle)]
pub extern "C" fn video_decode(id: u32, max_layer: u32) -> i32 {
    give(-1, |module| {
        let Picture { layers, exact, concealed, reference, .. } = module.video_decode(id, max_layer)?;
        let reference = match reference {
            Reference::None => 0,
            Reference::Whole => 1,
            Reference::Drifted => 2,
            Reference::Missing => 3,
        };
        Ok(i32::from(layers) | i32::from(exact) << 8 | i32::from(concealed) << 9 | reference << 10)
    })
}

/// Where the planes of a video decoder lie.
#[unsafe(no_mangle)]
pub extern "C" fn video_planes(id: u32) -> *const u8 {
    with(|module| module.video_planes(id).as_ptr())
}

/// How many bytes the planes of a video decoder have.
#[unsafe(no_mangle)]
pub extern "C" fn video_planes_len(id: u32) -> u32 {
    with(|module| module.video_planes(id).len() as u32)
}

/// See [`Module::new_sound`]. Gives its number, 0 on failure.
#[unsafe(no_mangle)]
pub extern "C" fn sound_new(rate: u32, channels: u32, bits: u32) -> u32 {
    give(0, |module| module.new_sound(rate, channels, bits))
}

/// See [`Module::sound_decode`]. Gives the samples a channel that fill the gap before the unit times 65,536, plus those of
/// the unit times two, plus 1 where these are made up; -1 on failure.
#[unsafe(no_mangle)]
pub extern "C" fn sound_decode(id: u32, pts: f64, lost: u32, max_layer: u32) -> f64 {
    give(-1.0, |module| {
        let Heard { filled, samples, concealed } = module.sound_decode(id, pts, lost != 0, max_layer)?;
        Ok(filled as f64 * 65_536.0 + samples as f64 * 2.0 + f64::from(concealed))
    })
}

/// See [`Module::sound_reset`].
#[unsafe(no_mangle)]
pub extern "C" fn sound_reset(id: u32) {
    with(|module| module.sound_reset(id));
}

/// Where the channels of the last sound lie.
#[unsafe(no_mangle)]
pub extern "C" fn sound_planes(id: u32) -> *const f32 {
    with(|module| module.sound_planes(id).as_ptr())
}

/// How many samples all channels of the last sound have together.
#[unsafe(no_mangle)]
pub extern "C" fn sound_planes_len(id: u32) -> u32 {
    with(|module| module.sound_planes(id).len() as u32)
}
