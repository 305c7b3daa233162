use crate::input::Input;
use crate::{camera, origin};

/// Whatever cameras and origins say that streams are pulled from, it is refused, or read in one way: what goes on of a
/// camera's answers is the same in pieces of any size, and when it is read again.
pub fn source(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    match input.u8() % 4 {
        0 => answers(input, false),
        1 => answers(input, true),
        2 => {
            let rest = input.rest();
            assert!(origin::members(rest.to_vec()).is_none_or(|count| count <= rest.len()));
        }
        _ => playlist(input.rest()),
    }
}

fn answers(mut input: Input<'_>, by_udp: bool) {
    let (piece, said) = (usize::from(input.u8()).max(1), input.rest());
    let heard = camera::heard([said], by_udp);
    let Some((on, statuses)) = heard.clone() else {
        assert!(camera::heard(said.chunks(piece), by_udp).is_none());
        return;
    };
    assert!(on.len() <= 2 * said.len() + 256);
    assert_eq!(camera::heard(said.chunks(piece), by_udp), heard);
    assert_eq!(camera::heard([&on[..]], by_udp), Some((on.clone(), statuses)));
}

fn playlist(bytes: &[u8]) {
    if let Ok(m3u8_rs::Playlist::MediaPlaylist(playlist)) = m3u8_rs::parse_playlist_res(bytes) {
        assert!(playlist.segments.len() <= bytes.len());
    }
}
