//! Sound in quality layers.
