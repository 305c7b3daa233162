//! FQL quality layers: video and audio samples to units and back.
