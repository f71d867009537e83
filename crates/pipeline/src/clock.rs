//! Wall-clock time as OpenTelemetry counts it: nanoseconds since the Unix epoch.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now, in nanoseconds since the Unix epoch; 0 if the clock stands before it.
pub fn now_ns() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX))
}

/// `ns` nanoseconds since the Unix epoch as the Python SDK prints them: ISO 8601 in UTC with six decimals, rounded by
/// way of a double of seconds, half to even.
pub fn iso_8601(ns: u64) -> String {
    let seconds = ns as f64 / 1e9;
    let whole = seconds.floor();
    let micros = ((seconds - whole) * 1e6).round_ties_even() as u64;
    let whole = whole as u64 + micros / 1_000_000;
    let (days, second_of_day) = (whole / 86_400, whole % 86_400);
    let (year, month, day) = civil_from_days(days);
    let (hour, minute, second) = (second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:06}Z", micros % 1_000_000)
}

/// Year, month and day of the given day since the Unix epoch, in the Gregorian calendar (Howard Hinnant's
/// `civil_from_days`).
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_printed_as_python_prints_them() {
        assert_eq!(iso_8601(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(iso_8601(951_827_696_999_999_999), "2000-02-29T12:34:57.000000Z");
        assert_eq!(iso_8601(1_735_689_599_123_456_789), "2024-12-31T23:59:59.123457Z");
    }
}
