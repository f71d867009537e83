//! The `traceparent` header (W3C Trace Context, section 3.2).

use crate::trace_state::{self, TraceStateWarning};

/// Length of a `traceparent` of version 00.
pub const TRACEPARENT_LEN: usize = 55;

/// A span context that arrived from another process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RemoteContext {
    /// Trace id, big-endian, not zero.
    pub trace_id: [u8; 16],
    /// Span id, big-endian, not zero.
    pub span_id: [u8; 8],
    /// Trace flags, all eight bits as sent.
    pub trace_flags: u8,
    /// The `tracestate` list as it is sent on: validated, without optional white space; empty if there was none or an
    /// invalid one.
    pub trace_state: String,
}

/// Reads `traceparent` and `tracestate`. An invalid `traceparent` gives nothing and no warning; an invalid
/// `tracestate` is dropped, the parent kept.
pub fn extract_traceparent(
    traceparent: &str,
    tracestate: Option<&str>,
) -> Option<(RemoteContext, Option<TraceStateWarning>)> {
    let (trace_id, span_id, trace_flags) = parse(traceparent)?;
    let (trace_state, warning) = match tracestate.map(trace_state::parse) {
        None => (String::new(), None),
        Some(Ok(trace_state)) => (trace_state, None),
        Some(Err(warning)) => (String::new(), Some(warning)),
    };
    Some((RemoteContext { trace_id, span_id, trace_flags, trace_state }, warning))
}

fn parse(header: &str) -> Option<([u8; 16], [u8; 8], u8)> {
    let header = header.trim_start_matches([' ', '\t']).as_bytes();
    let (fields, rest) = header.split_at_checked(TRACEPARENT_LEN)?;
    if fields[2] != b'-' || fields[35] != b'-' || fields[52] != b'-' {
        return None;
    }
    let [version] = hex(&fields[..2])?;
    let trace_id = hex(&fields[3..35])?;
    let span_id = hex(&fields[36..52])?;
    let [trace_flags] = hex(&fields[53..])?;
    // Later versions may append fields. No field spans lines, but the header may end in one line feed.
    let rest = rest.strip_suffix(b"\n").unwrap_or(rest);
    let suffixed = rest.first() == Some(&b'-');
    let rest_allowed = if suffixed { !rest.contains(&b'\n') } else { rest.iter().all(|byte| b" \t".contains(byte)) };
    let valid = rest_allowed && version != 0xff && !(version == 0 && suffixed);
    (valid && trace_id != [0; 16] && span_id != [0; 8]).then_some((trace_id, span_id, trace_flags))
}

/// Lower-case hexadecimal digits, two for each byte.
fn hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

/// Writes a `traceparent` of version 00.
pub fn format_traceparent(trace_id: [u8; 16], span_id: [u8; 8], trace_flags: u8) -> String {
    format!("00-{:032x}-{:016x}-{trace_flags:02x}", u128::from_be_bytes(trace_id), u64::from_be_bytes(span_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn accepts(header: &str) -> bool {
        extract_traceparent(header, None).is_some()
    }

    #[test]
    fn what_is_written_is_read() {
        let header = format!("00-{TRACE}-{SPAN}-03");
        let (context, warning) = extract_traceparent(&header, Some(" a=1 , b=2\t")).unwrap();
        assert_eq!(format_traceparent(context.trace_id, context.span_id, context.trace_flags), header);
        assert_eq!((context.trace_state.as_str(), warning), ("a=1,b=2", None));
    }

    #[test]
    fn an_invalid_tracestate_keeps_the_parent() {
        let (context, warning) = extract_traceparent(&format!("00-{TRACE}-{SPAN}-01"), Some("A=1")).unwrap();
        assert_eq!(context.trace_state, "");
        assert!(warning.is_some());
    }

    #[test]
    fn white_space_and_versions() {
        assert!(accepts(&format!(" \t00-{TRACE}-{SPAN}-01\t \n")));
        assert!(accepts(&format!("cc-{TRACE}-{SPAN}-01")));
        assert!(accepts(&format!("cc-{TRACE}-{SPAN}-01-what the future brings\n")));
        for header in [
            String::new(),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}-01-"),
            format!("00-{TRACE}-{SPAN}-01.x"),
            format!("cc-{TRACE}-{SPAN}-01x"),
            format!("cc-{TRACE}-{SPAN}-01-a\nb"),
            format!("00-{TRACE}-{SPAN}-01\n\n"),
            format!("\n00-{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}-0"),
            format!("00-{TRACE}-{SPAN}-0é"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{}-{SPAN}-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
        ] {
            assert!(!accepts(&header), "{header:?}");
        }
    }
}
