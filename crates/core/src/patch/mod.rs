//! The patch lifecycle: which functions of a library a plugin replaces, when, and how they come back.

mod applied;
mod binding;
mod loading;
pub(crate) mod namespace;
mod overrides;
mod point;
mod reference;
mod set;
mod turns;
mod wrapper;

pub use overrides::Overrides;
pub use point::{Hook, Patch, PatchPoint};
pub use set::{Hold, PatchSet};
pub(crate) use turns::Turns;
pub use wrapper::{Call, Wrapper};
