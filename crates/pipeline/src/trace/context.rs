//! The span context (W3C Trace Context, sections 3.2 and 3.3).

use std::sync::Arc;

/// Bits of the trace flags (W3C Trace Context level 2, section 3.2.2.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TraceFlags(pub u8);

impl TraceFlags {
    /// The caller may have recorded the trace.
    pub const SAMPLED: Self = Self(0x01);
    /// The 56 low bits of the trace id are random.
    pub const RANDOM_TRACE_ID: Self = Self(0x02);

    /// Whether all bits of `flags` are set.
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// These flags and those of `flags`.
    #[must_use]
    pub const fn with(self, flags: Self) -> Self {
        Self(self.0 | flags.0)
    }
}

/// What identifies a span across processes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpanContext {
    /// Trace id, big-endian.
    pub trace_id: [u8; 16],
    /// Span id, big-endian.
    pub span_id: [u8; 8],
    /// Trace flags.
    pub trace_flags: TraceFlags,
    /// Whether it arrived from another process.
    pub is_remote: bool,
    /// The `tracestate` header; `None` if it is empty.
    pub trace_state: Option<Arc<str>>,
}

impl SpanContext {
    /// Whether both ids are other than zero.
    pub fn is_valid(&self) -> bool {
        self.trace_id != [0; 16] && self.span_id != [0; 8]
    }

    /// Whether the sampled flag is set.
    pub fn is_sampled(&self) -> bool {
        self.trace_flags.contains(TraceFlags::SAMPLED)
    }

    /// The members of the trace state, in order.
    pub fn trace_state_members(&self) -> impl Iterator<Item = (&str, &str)> {
        self.trace_state.as_deref().unwrap_or_default().split(',').filter_map(|member| member.trim().split_once('='))
    }
}
