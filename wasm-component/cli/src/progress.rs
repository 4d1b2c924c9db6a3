//! What `--progress` shows: how far the work has come, for programs that run the command.

use std::io::Write;

/// Shows each step, or nothing.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub shown: bool,
}

impl Progress {
    /// Begins a phase of `total` bytes. None: nobody knows how many.
    pub fn phase(self, name: &'static str, total: Option<u64>) -> Phase {
        let phase = Phase { progress: self, name, done: 0, total };
        phase.show();
        phase
    }
}

/// One phase of the work.
#[derive(Debug)]
pub struct Phase {
    progress: Progress,
    name: &'static str,
    done: u64,
    total: Option<u64>,
}

impl Phase {
    /// Notes that this many more bytes are done.
    pub fn add(&mut self, bytes: usize) {
        self.done += bytes as u64;
        self.show();
    }

    fn show(&self) {
        if self.progress.shown {
            // The work goes on even if nobody reads the progress any more.
            let _ = std::io::stderr().write_all(self.line().as_bytes());
        }
    }

    fn line(&self) -> String {
        let total = self.total.map(|total| format!(" of {total}")).unwrap_or_default();
        format!("progress: {} {}{total}\n", self.name, self.done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_the_phase_and_counts_its_bytes() {
        let mut phase = Progress { shown: false }.phase("reading", Some(5));
        assert_eq!(phase.line(), "progress: reading 0 of 5\n");
        phase.add(2);
        phase.add(3);
        assert_eq!(phase.line(), "progress: reading 5 of 5\n");
        assert_eq!(Progress { shown: false }.phase("reading", None).line(), "progress: reading 0\n");
    }
}
