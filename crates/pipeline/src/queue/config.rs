//! Configuration of the batch span processor.

use std::time::Duration;

use crate::environment;

/// Sizes and times of a batch span processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchConfig {
    /// Most spans queued.
    pub max_queue_size: usize,
    /// Longest time between two exports while there are spans.
    pub schedule_delay: Duration,
    /// Most spans of one export; as many wake the export thread at once.
    pub max_export_batch_size: usize,
}

/// Why a configuration is refused, in the words of the Python SDK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The queue holds nothing.
    #[error("max_queue_size must be a positive integer.")]
    QueueSize,
    /// The delay is zero.
    #[error("schedule_delay_millis must be positive.")]
    ScheduleDelay,
    /// A batch holds nothing.
    #[error("max_export_batch_size must be a positive integer.")]
    BatchSize,
    /// A batch would never fill.
    #[error("max_export_batch_size must be less than or equal to max_queue_size.")]
    BatchOverQueue,
}

impl BatchConfig {
    /// The configuration of the `OTEL_BSP_*` variables. What cannot be used is reported and replaced by the default, a
    /// batch larger than the queue by the queue's size.
    pub fn from_environment() -> Self {
        let max_queue_size = environment::count("OTEL_BSP_MAX_QUEUE_SIZE", 2048);
        let default_batch_size = max_queue_size.min(512);
        let mut max_export_batch_size = environment::count("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", default_batch_size);
        if max_export_batch_size > max_queue_size {
            environment::report_invalid(
                "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
                &max_export_batch_size.to_string(),
                "at most the size of the queue (OTEL_BSP_MAX_QUEUE_SIZE)",
                &max_queue_size.to_string(),
            );
            max_export_batch_size = max_queue_size;
        }
        Self {
            max_queue_size,
            schedule_delay: environment::millis("OTEL_BSP_SCHEDULE_DELAY", Duration::from_secs(5)),
            max_export_batch_size,
        }
    }

    /// The configuration, if it can work.
    ///
    /// # Errors
    ///
    /// What the Python SDK refuses: a size or delay of zero, a batch larger than the queue.
    pub fn validated(self) -> Result<Self, ConfigError> {
        match &self {
            Self { max_queue_size: 0, .. } => Err(ConfigError::QueueSize),
            config if config.schedule_delay.is_zero() => Err(ConfigError::ScheduleDelay),
            Self { max_export_batch_size: 0, .. } => Err(ConfigError::BatchSize),
            config if config.max_export_batch_size > config.max_queue_size => Err(ConfigError::BatchOverQueue),
            _ => Ok(self),
        }
    }
}
