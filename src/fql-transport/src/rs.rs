//! Reed-Solomon over GF(2^8) on shards of different length.
//!
//! A shard is protected as its length (two bytes) and its content, padded with zeros to the longest of the block.
//! `reed-solomon-erasure` builds row r of its matrix from r and the number of source shards alone (a Vandermonde
//! matrix times the inverse of its top), so the rows for m parity shards are a prefix of those for m + 1.

use std::collections::HashMap;

use bytes::Bytes;
use reed_solomon_erasure::galois_8::ReedSolomon;

/// The most source shards of a block.
pub(crate) const MAX_SOURCES: usize = 40;
/// The most parity shards of a block.
pub(crate) const MAX_PARITY: usize = 60;
/// Bytes of the length that is protected with each shard.
pub(crate) const LENGTH: usize = 2;
/// Codecs that are kept; a stream uses a few dozen.
const MAX_CODECS: usize = 64;

/// Computes and uses parity; keeps the matrices that it built.
#[derive(Default)]
pub(crate) struct Codecs {
    codecs: HashMap<(usize, usize), ReedSolomon>,
}

impl Codecs {
    fn get(&mut self, sources: usize, parity: usize) -> Option<&ReedSolomon> {
        if self.codecs.len() >= MAX_CODECS && !self.codecs.contains_key(&(sources, parity)) {
            self.codecs.clear();
        }
        match self.codecs.entry((sources, parity)) {
            std::collections::hash_map::Entry::Occupied(entry) => Some(entry.into_mut()),
            std::collections::hash_map::Entry::Vacant(entry) => {
                Some(entry.insert(ReedSolomon::new(sources, parity).ok()?))
            }
        }
    }

    /// The first `parity` parity shards of 1 to [`MAX_SOURCES`] source shards.
    pub(crate) fn parity(&mut self, sources: &[Bytes], parity: usize) -> Vec<Bytes> {
        let parity = parity.min(MAX_PARITY);
        if parity == 0 || sources.is_empty() || sources.len() > MAX_SOURCES {
            return Vec::new();
        }
        let len = LENGTH + sources.iter().map(Bytes::len).max().unwrap_or(0);
        let padded: Vec<Vec<u8>> = sources.iter().map(|source| pad(source, len)).collect();
        let mut out = vec![vec![0; len]; parity];
        let codec = self.get(sources.len(), parity).expect("1 to 40 source and 1 to 60 parity shards");
        codec.encode_sep(&padded, &mut out).expect("as many shards of one length as the codec was built for");
        out.into_iter().map(Bytes::from).collect()
    }

    /// The missing source shards of a block of `sources`, with their indices: `have` are the source shards that
    /// are there, `rows` parity shards of one length with their rows. `None` where these are too few, or do not
    /// belong together.
    pub(crate) fn recover(
        &mut self,
        sources: usize,
        have: &[(u8, Bytes)],
        rows: &[(u8, Bytes)],
    ) -> Option<Vec<(u8, Bytes)>> {
        let len = rows.first()?.1.len();
        let most = usize::from(rows.iter().map(|&(row, _)| row).max()?) + 1;
        if sources == 0 || sources > MAX_SOURCES || most > MAX_PARITY || have.len() + rows.len() < sources {
            return None;
        }
        let mut shards: Vec<Option<Vec<u8>>> = vec![None; sources + most];
        for (index, content) in have {
            let slot = shards[..sources].get_mut(usize::from(*index))?;
            if content.len() + LENGTH > len {
                return None;
            }
            *slot = Some(pad(content, len));
        }
        for (row, bytes) in rows {
            if bytes.len() != len {
                return None;
            }
            shards[sources + usize::from(*row)] = Some(bytes.to_vec());
        }
        self.get(sources, most)?.reconstruct_data(&mut shards).ok()?;
        let missing = (0..sources).filter(|&i| !have.iter().any(|&(index, _)| usize::from(index) == i));
        missing.map(|i| Some((i as u8, unpad(shards[i].as_deref()?)?))).collect()
    }
}

fn pad(content: &[u8], len: usize) -> Vec<u8> {
    let mut shard = Vec::with_capacity(len);
    shard.extend((content.len() as u16).to_be_bytes());
    shard.extend_from_slice(content);
    shard.resize(len, 0);
    shard
}

/// The content of a padded shard, copied: a short one must not keep all of the memory of the longest.
fn unpad(shard: &[u8]) -> Option<Bytes> {
    let (length, rest) = shard.split_first_chunk::<LENGTH>()?;
    let length = usize::from(u16::from_be_bytes(*length));
    rest.get(..length).map(Bytes::copy_from_slice)
}

#[cfg(test)]
mod tests;
