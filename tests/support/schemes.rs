//! The presets under one name, as tests speak of them.

pub use countersign_senders::{
    business::*, commerce::*, developer::*, messaging::*, payments::*, standard::*,
};
