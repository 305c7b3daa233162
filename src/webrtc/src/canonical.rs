//! One canonical name (CNAME) for all that a session sends.
//!
//! By it, players know that sound and picture are of one clock and belong together (RFC 3550, 6.5.1; RFC 8834, 4.9). The
//! library makes up another name for each medium that it answers, and has no way to set it, so that GStreamer's client
//! would show each by when its packets came. The name is put into reports where they pass on their way out: where they
//! are encrypted.

use std::sync::OnceLock;

use str0m::IceCreds;
use str0m::crypto::{
    AeadAes128GcmCipher, AeadAes256GcmCipher, Aes128CmSha1_80Cipher, CryptoError, SrtpProvider,
    SupportedAeadAes128Gcm, SupportedAeadAes256Gcm, SupportedAes128CmSha1_80, from_feature_flags,
};

/// As long as those that the library makes up, so that nothing moves in a report.
const LENGTH: usize = 20;
/// What of a first report is not among what is encrypted: its header, and whom it is from.
const PLAIN: usize = 8;
/// The length of a sender report without blocks, and of a block.
const SENDER_REPORT: usize = 28;
const BLOCK: usize = 24;
const MOST_BLOCKS: usize = 31;
/// Types of reports (RFC 3550, 12.1) and of feedback.
const REPORTS: std::ops::RangeInclusive<u8> = 200..=207;
const SOURCE_DESCRIPTION: u8 = 202;
/// The item of source descriptions (RFC 3550, 12.2).
const CNAME: u8 = 1;

/// The name, which is another one each time the program runs.
pub(crate) fn name() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    // What tells sessions apart is as random, and has letters and digits alone.
    NAME.get_or_init(|| {
        let random = std::iter::repeat_with(|| IceCreds::new().pass).flat_map(String::into_bytes);
        random.filter(u8::is_ascii_alphanumeric).take(LENGTH).map(char::from).collect()
    })
}

/// The library's ciphers, before which the name is put into reports.
pub(crate) static NAMING: Naming = Naming;

#[derive(Debug)]
pub(crate) struct Naming;

/// A cipher of the library, or what makes such ones.
#[derive(Debug)]
struct Named<T>(T);

fn library() -> &'static dyn SrtpProvider {
    from_feature_flags().srtp_provider
}

impl SrtpProvider for Naming {
    fn aes_128_cm_sha1_80(&self) -> &'static dyn SupportedAes128CmSha1_80 {
        &NAMING
    }

    fn aead_aes_128_gcm(&self) -> &'static dyn SupportedAeadAes128Gcm {
        &NAMING
    }

    fn aead_aes_256_gcm(&self) -> &'static dyn SupportedAeadAes256Gcm {
        &NAMING
    }

    fn srtp_aes_128_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        library().srtp_aes_128_ecb_round(key, input, output);
    }

    fn srtp_aes_256_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        library().srtp_aes_256_ecb_round(key, input, output);
    }
}

impl SupportedAes128CmSha1_80 for Naming {
    fn create_cipher(&self, key: [u8; 16], encrypt: bool) -> Box<dyn Aes128CmSha1_80Cipher> {
        Box::new(Named(library().aes_128_cm_sha1_80().create_cipher(key, encrypt)))
    }
}

impl SupportedAeadAes128Gcm for Naming {
    fn create_cipher(&self, key: [u8; 16], encrypt: bool) -> Box<dyn AeadAes128GcmCipher> {
        Box::new(Named(library().aead_aes_128_gcm().create_cipher(key, encrypt)))
    }
}

impl SupportedAeadAes256Gcm for Naming {
    fn create_cipher(&self, key: [u8; 32], encrypt: bool) -> Box<dyn AeadAes256GcmCipher> {
        Box::new(Named(library().aead_aes_256_gcm().create_cipher(key, encrypt)))
    }
}

impl Aes128CmSha1_80Cipher for Named<Box<dyn Aes128CmSha1_80Cipher>> {
    fn encrypt(&mut self, iv: &[u8; 16], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        self.0.encrypt(iv, named(input).as_deref().unwrap_or(input), output)
    }

    fn decrypt(&mut self, iv: &[u8; 16], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        self.0.decrypt(iv, input, output)
    }
}

/// The ciphers that differ by the length of their key alone.
macro_rules! authenticated {
    ($cipher:ident) => {
        impl $cipher for Named<Box<dyn $cipher>> {
            fn encrypt(
                &mut self,
                iv: &[u8; 12],
                aad: &[u8],
                input: &[u8],
                output: &mut [u8],
            ) -> Result<(), CryptoError> {
                self.0.encrypt(iv, aad, named(input).as_deref().unwrap_or(input), output)
            }

            fn decrypt(
                &mut self,
                iv: &[u8; 12],
                aads: &[&[u8]],
                input: &[u8],
                output: &mut [u8],
            ) -> Result<usize, CryptoError> {
                self.0.decrypt(iv, aads, input, output)
            }
        }
    };
}

authenticated!(AeadAes128GcmCipher);
authenticated!(AeadAes256GcmCipher);

/// What is to be encrypted of reports, with the name in it; `None` where it is anything else.
fn named(input: &[u8]) -> Option<Vec<u8>> {
    let places = places(input)?;
    let mut out = input.to_vec();
    for place in places {
        out[place..place + LENGTH].copy_from_slice(name().as_bytes());
    }
    Some(out)
}

/// Where names are in reports that begin with one of a sender: they follow one another up to the very end.
fn places(input: &[u8]) -> Option<Vec<usize>> {
    let starts = (0..=MOST_BLOCKS).map(|blocks| SENDER_REPORT + blocks * BLOCK - PLAIN);
    starts.take_while(|start| *start < input.len()).find_map(|start| places_from(input, start))
}

fn places_from(input: &[u8], start: usize) -> Option<Vec<usize>> {
    let (mut at, mut places) = (start, Vec::new());
    while at < input.len() {
        let &[first, kind, high, low] = input.get(at..)?.first_chunk::<4>()?;
        let end = at + 4 + usize::from(u16::from_be_bytes([high, low])) * 4;
        if first >> 6 != 2 || !REPORTS.contains(&kind) || end > input.len() {
            return None;
        }
        if kind == SOURCE_DESCRIPTION {
            places.extend(names(input, at + 4, end, first & 31)?);
        }
        at = end;
    }
    (!places.is_empty()).then_some(places)
}

/// Where names are in the chunks of a source description, as the library writes them: each is of a source, and its name.
fn names(input: &[u8], start: usize, end: usize, chunks: u8) -> Option<Vec<usize>> {
    let chunk = (4 + 2 + LENGTH + 1).next_multiple_of(4);
    let is_of_names = end - start == usize::from(chunks) * chunk;
    let places = (start..end).step_by(chunk).map(|at| at + 6);
    let is_name = |place: &usize| input[place - 2..*place] == [CNAME, LENGTH as u8];
    let places: Vec<_> = places.collect();
    (is_of_names && places.iter().all(is_name)).then_some(places)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A sender report with so many blocks and a source description of these names, without what is not encrypted.
    fn reports(blocks: usize, names: &[&str]) -> Vec<u8> {
        let mut out = vec![0x80 | blocks as u8, 200, 0, 6 + 6 * blocks as u8];
        out.resize(SENDER_REPORT + blocks * BLOCK, 7);
        out.extend([0x80 | names.len() as u8, SOURCE_DESCRIPTION, 0, names.len() as u8 * 7]);
        for name in names {
            out.extend([0, 0, 0, 9, CNAME, LENGTH as u8]);
            out.extend(name.bytes());
            out.extend([0, 0]);
        }
        out.split_off(PLAIN)
    }

    #[test]
    fn all_sources_of_reports_get_the_one_name() {
        let (one, other) = ("aaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbb");
        for blocks in [0, 3] {
            let given = reports(blocks, &[one, other]);
            assert_eq!(named(&given), Some(reports(blocks, &[name(), name()])));
        }
        assert_eq!(name().len(), LENGTH);
    }

    #[test]
    fn what_is_cut_short_or_goes_on_with_something_else_stays() {
        let whole = reports(0, &["aaaaaaaaaaaaaaaaaaaa"]);
        assert!((0..whole.len()).all(|length| named(&whole[..length]).is_none()));
        assert_eq!(named(&[&whole[..], &[0, 0, 0, 0]].concat()), None);
    }

    proptest! {
        #[test]
        fn anything_is_looked_at(
            head in 0usize..100, mut data in prop::collection::vec(any::<u8>(), 0..300), words in 0u8..40,
        ) {
            if let Some(header) = data.get_mut(head..head + 4) {
                header.copy_from_slice(&[0x81, SOURCE_DESCRIPTION, 0, words]);
            }
            let length = data.len();
            prop_assert!(named(&data).is_none_or(|out| out.len() == length));
        }
    }
}
