//! What was seen in the copies, whether or not there is a plan.

use super::{Copies, CopyReport, Ends, SeriesReport, Standing};
use crate::crypto::id::DomainId;
use crate::log::Record;

impl Copies {
    /// Fills in what is known when nothing more is read.
    pub(super) fn complete_remarks(&mut self) {
        let of_own = self.series.values_mut().filter(|series| series.newest().is_some());
        let strangers: Vec<_> = of_own.flat_map(|series| std::mem::take(&mut series.strangers)).collect();
        strangers.into_iter().for_each(|stranger| self.remark(stranger));
        let own = self.series.iter().filter_map(|(domain, series)| {
            let newest = series.newest().and_then(|newest| series.saved(newest))?;
            Some(SeriesReport { domain_id: DomainId(*domain), newest })
        });
        let own: Vec<_> = own.collect();
        let with_records = self.series.values().filter(|series| !series.records.is_empty()).count();
        self.remarks.foreign = (with_records - own.len()) as u64;
        self.remarks.series = own;
        self.remarks.copies = (0..self.count).map(|copy| self.copy_report(copy)).collect();
    }

    fn copy_report(&self, copy: usize) -> CopyReport {
        let series = self.chosen.and_then(|chosen| self.series.get(&chosen));
        let newest = series.and_then(|series| series.looks[copy].newest.as_ref());
        CopyReport {
            standing: series.map(|_| self.standing(newest)),
            newest: series.zip(newest).and_then(|(series, newest)| series.saved(newest)),
            junk: self.junk[copy],
        }
    }

    fn standing(&self, newest: Option<&Record>) -> Standing {
        match (newest, &self.ends) {
            (None, _) => Standing::Empty,
            (Some(newest), Some(Ends::Newest(top))) if newest.reference() == top.reference() => Standing::Current,
            // When a record is made, it names the newest records of the copies that lag.
            (Some(newest), Some(Ends::Newest(top))) if top.entry().previous.contains(&newest.reference()) => {
                Standing::Behind
            }
            (Some(_), Some(Ends::Newest(_))) => Standing::Withholds,
            (Some(newest), Some(Ends::Fork(fork))) if fork.heads.contains(&newest.reference()) => Standing::Forked,
            (Some(_), _) => Standing::Behind,
        }
    }
}
