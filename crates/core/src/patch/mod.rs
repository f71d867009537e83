//! The patch lifecycle: which functions of a library a plugin replaces, when, and how they come back.

mod binding;
mod overrides;
mod point;
mod reference;
mod set;
mod wrapper;

pub use overrides::Overrides;
pub use point::{Hook, Patch, PatchPoint};
pub use set::PatchSet;
pub use wrapper::{Call, Wrapper};
