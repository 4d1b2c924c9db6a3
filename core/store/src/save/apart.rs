//! Whether the copies are places of their own, so that no place counts twice.
//!
//! Two names may mean one place in a way that no name shows: a directory and a server that serves it, or one bucket at two
//! addresses. So before copies count beside each other for the first time, each gets an object that nobody needs, and the
//! others are asked for it.

use super::gather::{Pace, Wait, gather};
use super::local::Local;
use super::request::Save;
use super::situation::{Situation, reason};
use super::summary::CopyState;
use crate::{CopyName, StoreError, StoreErrorKind};
use lifeboat_core::log::BundleHash;
use lifeboat_core::log::name::{Name, Object};
use lifeboat_core::{Error, Result};
use sha2::{Digest, Sha256};
use std::time::SystemTime;

/// What one copy answers when it is asked for the probe of another one.
enum Answer {
    Here,
    NotHere,
}

/// What was found out of one copy.
struct Asked {
    copy: usize,
    /// It is remembered as a place of its own beside all others that are.
    is_known: bool,
    /// A probe was put into it.
    has_probe: bool,
    /// Which probes of others it has.
    answers: Vec<(usize, Answer)>,
    /// Why it took no probe, or could not be asked.
    failed: Option<StoreError>,
}

impl Asked {
    fn answer(&self, other: &Self) -> Option<&Answer> {
        self.answers.iter().find(|(probe, _)| *probe == other.copy).map(|(_, answer)| answer)
    }

    /// A copy that is full or takes nothing still answers.
    fn is_mute(&self) -> bool {
        let kind = self.failed.as_ref().map(StoreError::kind);
        kind.is_some_and(|kind| !matches!(kind, StoreErrorKind::Full | StoreErrorKind::Refused))
    }

    /// Why it is not known to be another place than a copy before it, which has this name; and whether it is the same one.
    fn why(&self, other: &Self, name: &CopyName) -> Option<(bool, String)> {
        match (other.answer(self), self.answer(other)) {
            (Some(Answer::Here), _) | (_, Some(Answer::Here)) => {
                Some((true, format!("it is the same place as {name}; take one of the two out of the stores")))
            }
            (Some(Answer::NotHere), _) | (_, Some(Answer::NotHere)) => None,
            (None, None) if self.is_known && other.is_known => None,
            (None, None) => {
                let why = self.failed.as_ref().or(other.failed.as_ref()).map(reason).unwrap_or_default();
                Some((false, format!("nobody can tell whether it is the same place as {name}: {why}")))
            }
        }
    }
}

impl Situation<'_> {
    /// Takes out copies that are the same place as one before them, unless it is remembered that these copies are places
    /// of their own. A copy of which nobody can tell is taken out as well, until it answers.
    ///
    /// # Errors
    /// Interrupted; host when local state cannot be written.
    pub(super) fn tell_apart(&mut self, save: &Save<'_>, local: &mut Local<'_>) -> Result<()> {
        let usable = self.usable();
        let is_known = |copy: &usize| self.copies[*copy].id.as_ref().is_some_and(|id| local.memory.apart.contains(id));
        let (known, new): (Vec<_>, Vec<_>) = usable.iter().copied().partition(is_known);
        if usable.len() < 2 || new.is_empty() {
            return Ok(());
        }
        let mut kept: Vec<Asked> = Vec::new();
        for asked in self.ask_all(save, &known, &new)? {
            let alone = asked.failed.as_ref().filter(|_| !asked.is_known && asked.is_mute());
            let why = match alone {
                Some(error) => Some((false, reason(error))),
                None => kept.iter().find_map(|other| asked.why(other, &save.copies[other.copy].name)),
            };
            let Some((is_twin, why)) = why else {
                kept.push(asked);
                continue;
            };
            let seen = &mut self.copies[asked.copy];
            // A copy that fails takes part from now on, as it would if its first put failed.
            if let Some(id) = seen.id.as_deref().filter(|_| !is_twin) {
                local.memory.tip_mut(id).fails(save.now);
            }
            (seen.is_usable, seen.is_twin, seen.why) = (false, is_twin, Some(why));
            seen.state = if is_twin { CopyState::Away } else { CopyState::Behind };
        }
        // Copies that are away now stay remembered, unless a new one came: from that one they were not told apart.
        if kept.iter().any(|asked| !asked.is_known) {
            local.memory.apart = kept.iter().filter_map(|asked| self.copies[asked.copy].id.clone()).collect();
        }
        local.witness.copies = self.sights();
        local.write_memory()
    }

    /// Puts a probe into each new copy, asks all others for it, and removes it. Where a new copy takes nothing, the known
    /// ones get a probe, too. One that stays, because nobody may delete, is a bundle that no record names: a prune takes it
    /// away. Gives the known copies first.
    fn ask_all(&self, save: &Save<'_>, known: &[usize], new: &[usize]) -> Result<Vec<Asked>> {
        let impatient = vec![false; save.copies.len()];
        let wait = Wait { enough: save.minimum, impatient: &impatient, interrupted: self.interrupted };
        let probes: Vec<_> = (0..save.copies.len()).map(|copy| self.probe(save, copy)).collect();
        let put_into = |copies: &[usize], is_known: bool| {
            let put = |copy: usize, pace: &Pace| {
                let (name, bytes) = &probes[copy];
                save.copies[copy].store.put(name, &bytes.as_bytes(), &pace.cancel).map(drop)
            };
            let asked = |(copy, put): (usize, Result<(), StoreError>)| {
                let (has_probe, failed) = (put.is_ok(), put.err());
                Asked { copy, is_known, has_probe, answers: Vec::new(), failed }
            };
            let put = gather(save, copies, &wait, put, Result::is_ok)?;
            Ok::<_, Error>(put.into_iter().map(asked).collect::<Vec<_>>())
        };
        let mut asked = put_into(new, false)?;
        if asked.iter().any(|one| !one.has_probe && !one.is_mute()) {
            asked.extend(put_into(known, true)?);
        } else {
            let quiet =
                |&copy: &usize| Asked { copy, is_known: true, has_probe: false, answers: Vec::new(), failed: None };
            asked.extend(known.iter().map(quiet));
        }
        asked.sort_by_key(|one| (!one.is_known, one.copy));
        let there: Vec<_> = asked.iter().filter(|one| one.has_probe).map(|one| one.copy).collect();
        let answering: Vec<_> = asked.iter().filter(|one| !one.is_mute()).map(|one| one.copy).collect();
        let ask = |copy: usize, pace: &Pace| {
            let others = there.iter().filter(|other| **other != copy);
            let ask = |&other: &usize| {
                let head = save.copies[copy].store.head(&probes[other].0, &pace.cancel);
                pace.progress();
                match head {
                    Ok(_) => Ok((other, Answer::Here)),
                    Err(error) if error.kind() == StoreErrorKind::NotFound => Ok((other, Answer::NotHere)),
                    Err(error) => Err(error),
                }
            };
            others.map(ask).collect::<Result<Vec<_>, StoreError>>()
        };
        let answers = gather(save, &answering, &wait, ask, Result::is_ok);
        let remove = |copy: usize, pace: &Pace| {
            // Whoever may not delete leaves it there.
            let _ = save.copies[copy].store.delete(&probes[copy].0, &pace.cancel);
        };
        gather(save, &there, &wait, remove, |()| true)?;
        for (copy, answers) in answers? {
            let Some(one) = asked.iter_mut().find(|one| one.copy == copy) else { continue };
            match answers {
                Ok(answers) => one.answers = answers,
                Err(error) => one.failed = Some(error),
            }
        }
        Ok(asked)
    }

    /// The name and the content of an object that is nowhere else. It tells nothing of this place.
    fn probe(&self, save: &Save<'_>, copy: usize) -> (String, String) {
        let mut unique = Sha256::new();
        unique.update(self.copies[copy].id.as_deref().unwrap_or_default());
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        unique.update(format!(" {copy} {} {}", std::process::id(), now.as_nanos()));
        let text = format!("whether two names of stores mean one place: {}", BundleHash(unique.finalize().into()));
        let object = Object::Bundle(BundleHash(Sha256::digest(&text).into()));
        (Name { domain_id: save.keys.id(), object }.to_string(), text)
    }
}
