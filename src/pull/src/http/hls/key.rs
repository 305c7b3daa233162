//! Segments that are encrypted as a whole (RFC 8216, 4.3.2.4 and 5.2).

use aes::Aes128;
use aes::cipher::{BlockDecryptMut, KeyIvInit};
use bytes::Bytes;
use m3u8_rs::{Key, KeyMethod};
use reqwest::Url;

use super::super::Client;
use super::playlist::join;
use crate::error::Error;

/// Of a key, of a block, and of what the first block is combined with.
const LENGTH: usize = 16;

/// The key that was fetched last, and where it was: most segments share it.
#[derive(Default)]
pub(super) struct Keys {
    known: Option<(Url, [u8; LENGTH])>,
}

impl Keys {
    /// The segment of this number in clear, or its initialization segment.
    pub async fn open(
        &mut self,
        client: &Client,
        playlist: &Url,
        key: Option<&Key>,
        number: u64,
        bytes: Bytes,
    ) -> Result<Bytes, Error> {
        let Some(key) = key.filter(|key| key.method != KeyMethod::None) else { return Ok(bytes) };
        let is_whole = key.method == KeyMethod::AES128;
        if !is_whole || key.keyformat.as_deref().is_some_and(|format| format != "identity") {
            return Err(Error::malformed("its segments are encrypted in another way than AES-128"));
        }
        let start = match &key.iv {
            Some(text) => start(text).ok_or_else(|| Error::malformed("a key says what cannot be read"))?,
            None => u128::from(number).to_be_bytes(),
        };
        let uri = key.uri.as_deref().ok_or_else(|| Error::malformed("a key is nowhere"))?;
        decrypt(&self.at(client, join(playlist, uri)?).await?, &start, bytes)
            .ok_or_else(|| Error::malformed("a segment cannot be decrypted"))
    }

    async fn at(&mut self, client: &Client, url: Url) -> Result<[u8; LENGTH], Error> {
        if let Some((known, key)) = &self.known
            && *known == url
        {
            return Ok(*key);
        }
        let (_, key) = client.all(&url, None, LENGTH).await?;
        let key = key[..].try_into().map_err(|_| Error::malformed("a key is not 16 bytes"))?;
        self.known = Some((url, key));
        Ok(key)
    }
}

/// What the first block is combined with: `0x` and 128 bits.
fn start(text: &str) -> Option<[u8; LENGTH]> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
    // Parsing takes a sign, too.
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u128::from_str_radix(digits, 16).ok().map(u128::to_be_bytes))?
}

/// AES-128 in CBC with the padding of PKCS #7.
fn decrypt(key: &[u8; LENGTH], start: &[u8; LENGTH], bytes: Bytes) -> Option<Bytes> {
    // In place: nobody else has what was fetched.
    let mut clear = Vec::from(bytes);
    if !clear.len().is_multiple_of(LENGTH) {
        return None;
    }
    let mut cipher = cbc::Decryptor::<Aes128>::new(key.into(), start.into());
    for block in clear.chunks_exact_mut(LENGTH) {
        cipher.decrypt_block_mut(block.into());
    }
    let padding = usize::from(*clear.last()?);
    let length = clear.len().checked_sub(padding).filter(|_| (1..=LENGTH).contains(&padding))?;
    let is_padding = clear[length..].iter().all(|byte| usize::from(*byte) == padding);
    clear.truncate(length);
    is_padding.then(|| clear.into())
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{Server, anywhere};
    use super::*;
    use crate::error::Reason;

    /// Of `openssl enc -aes-128-cbc -K 000102…0f -iv 0…05`.
    const KEY: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    const SECRET: [u8; 32] = [
        0xfa, 0x45, 0xa1, 0x6b, 0xd9, 0x66, 0x5f, 0xe4, 0xe7, 0x64, 0x08, 0x11, 0xca, 0x67, 0x18, 0x0e, 0x93,
        0x91, 0x31, 0xe7, 0x6f, 0x6a, 0x40, 0xa8, 0xcc, 0xf9, 0x3a, 0x9d, 0xa2, 0x9e, 0x38, 0x6a,
    ];

    #[tokio::test]
    async fn segments_are_decrypted_with_a_key_that_is_fetched_once() {
        let server = Server::start("", |path| match path {
            "/key" => ("200 OK", KEY.to_vec()),
            "/long" => ("200 OK", vec![0; 17]),
            _ => ("200 OK", vec![0; 15]),
        })
        .await;
        let client = Client::new(&anywhere()).unwrap();
        let playlist = Url::parse(&format!("http://{}/a.m3u8", server.host)).unwrap();
        let key = |uri: &str, iv: Option<&str>| Key {
            method: KeyMethod::AES128,
            uri: Some(uri.to_owned()),
            iv: iv.map(str::to_owned),
            ..Key::default()
        };
        let mut keys = Keys::default();
        let secret = Bytes::from_static(&SECRET);
        let mut open =
            async |key: Key, number| keys.open(&client, &playlist, Some(&key), number, secret.clone()).await;
        let clear = Bytes::from_static(b"a segment of some bytes");
        assert_eq!(open(key("key", None), 5).await, Ok(clear.clone()));
        let told = Some("0x00000000000000000000000000000005");
        assert_eq!(open(key("key", told), 9).await, Ok(clear));
        assert_eq!(*server.requests.lock().unwrap(), ["/key"]);
        for (wrong, reason) in [
            (key("long", told), Reason::TooLarge),
            (key("short", told), Reason::Malformed),
            (key("key", Some("5")), Reason::Malformed),
            (key("key", Some("0x+5")), Reason::Malformed),
            (key("file:///etc/passwd", told), Reason::Malformed),
            (Key { uri: None, ..key("key", told) }, Reason::Malformed),
            (Key { method: KeyMethod::SampleAES, ..key("key", told) }, Reason::Malformed),
            (Key { keyformat: Some("com.apple".to_owned()), ..key("key", told) }, Reason::Malformed),
        ] {
            assert_eq!(open(wrong.clone(), 5).await.unwrap_err().reason, reason, "{wrong:?}");
        }
        let none = Key { method: KeyMethod::None, ..Key::default() };
        assert_eq!(open(none, 5).await, Ok(Bytes::from_static(&SECRET)));
    }

    #[test]
    fn what_is_damaged_is_none() {
        let decrypted = |length: usize| decrypt(&KEY, &[0; 16], Bytes::from_static(&SECRET[..length]));
        assert_eq!(decrypted(16), None, "the padding is not there");
        assert_eq!((decrypted(17), decrypted(0)), (None, None));
    }

    #[test]
    fn what_was_fetched_is_not_there_twice() {
        let secret = Bytes::copy_from_slice(&SECRET);
        let at = secret.as_ptr();
        let clear = decrypt(&KEY, &5_u128.to_be_bytes(), secret).unwrap();
        assert_eq!(clear.as_ptr(), at);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            bytes in proptest::collection::vec(0_u8.., 0..100), text in "(0x)?[0-9a-fx+-]{0,40}"
        ) {
            let _ = (decrypt(&KEY, &KEY, bytes.into()), start(&text));
        }
    }
}
