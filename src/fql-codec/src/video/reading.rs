//! Reads the layers of a slice, one after the other.

use super::contexts::Contexts;
use super::layout::{Layout, Slice};
use super::motion::code::{Models, code_vectors};
use super::motion::field::Part;
use super::planes::{Exhausted, States, Unknown, code_layer};
use crate::entropy::Decoder;

/// How far a slice was read.
pub(super) struct Reading<'a, 'b> {
    layout: &'a Layout,
    slice: &'a Slice,
    /// The models, to be used again when the slice is read.
    pub(super) contexts: Vec<Contexts>,
    /// The vectors, as long as they were not read.
    vectors: Option<&'a mut Part<'b>>,
    layer: u32,
}

impl<'a, 'b> Reading<'a, 'b> {
    /// At the beginning of a slice; of one that is predicted with the place of its vectors.
    /// `contexts` are those of the slice, whatever they have learnt.
    pub(super) fn new(
        layout: &'a Layout,
        slice: &'a Slice,
        mut contexts: Vec<Contexts>,
        vectors: Option<&'a mut Part<'b>>,
    ) -> Self {
        Contexts::restart(&mut contexts, vectors.is_some());
        Self { layout, slice, contexts, vectors, layer: 0 }
    }

    /// Reads the next layer: first of all the vectors, then more of the coefficients. On exhaustion what was not
    /// reached stays as it was.
    pub(super) fn layer(&mut self, codeword: &[u8], states: &mut States) -> Result<(), Exhausted> {
        let Self { layout, slice, contexts, vectors, layer } = self;
        let mut coder = Decoder::new(codeword);
        if let Some(vectors) = vectors.take() {
            code_vectors(&mut coder, &mut Models::new(), vectors)?;
        }
        code_layer(&mut coder, contexts, states, layout, slice, *layer, |_| Unknown)?;
        *layer += 1;
        Ok(())
    }
}
