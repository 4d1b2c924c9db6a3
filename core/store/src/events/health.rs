//! How this machine is. What a system does not tell is left out.

use super::kind::{Kind, Level};
use super::settings::Settings;
use super::state::{Notes, Subject, about};
use serde_json::json;

/// What was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Health {
    /// Bytes of memory that programs can still get.
    pub(crate) memory: Option<f64>,
    /// How much work waits for each processor, over 5 minutes.
    pub(crate) load: Option<f64>,
    /// Bytes a second that a check read.
    pub(crate) read_speed: Option<f64>,
}

impl Health {
    /// Measures this machine. Only Linux tells.
    pub(crate) fn of_machine() -> Self {
        let file = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            memory: memory(&file("/proc/meminfo")),
            load: load(&file("/proc/loadavg"), processors),
            read_speed: None,
        }
    }
}

/// Of the text of `/proc/meminfo`.
fn memory(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024.0)
}

/// Of the text of `/proc/loadavg`.
fn load(text: &str, processors: usize) -> Option<f64> {
    let over_5_minutes: f64 = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(over_5_minutes / processors as f64)
}

impl Notes<'_> {
    /// Compares the figures of this machine with their limits, and tells them once for each period.
    pub(crate) fn health(&mut self, settings: &Settings, health: &Health) {
        let figures = [("memory_bytes", health.memory), ("load", health.load), ("read_speed", health.read_speed)];
        for (name, value) in figures {
            if let Some(value) = value {
                self.measure(settings, name, &Subject::default(), value);
            }
        }
        let every = settings.normal_every();
        let now = self.now;
        if self.state.health_told.is_some_and(|told| told <= now && now - told < every) {
            return;
        }
        self.state.health_told = Some(now);
        let said = figures
            .map(|(name, value)| (name, value.map_or(json!(null), |value| json!((value * 100.0).round() / 100.0))));
        self.once(Kind::KeeperHealth, Level::Normal, about(said));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_tells_is_read() {
        let text = "MemTotal:       16384 kB\nMemFree:  1 kB\nMemAvailable:    2048 kB\n";
        assert_eq!(memory(text), Some(2_097_152.0));
        assert_eq!(load("1.00 3.00 0.50 1/234 5678\n", 2), Some(1.5));
        for text in ["", "MemAvailable: x kB", "MemAvailable:", "0.5"] {
            assert_eq!((memory(text), load(text, 1)), (None, None), "{text}");
        }
        if cfg!(target_os = "linux") {
            let health = Health::of_machine();
            assert!(health.memory.is_some_and(|memory| memory > 0.0) && health.load.is_some());
        }
    }
}
