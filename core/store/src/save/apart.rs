//! Whether the copies are places of their own, so that no place counts twice.
//!
//! Two names may mean one place in a way that no name shows: a directory and a server that serves it, or one bucket at two
//! addresses. So before copies count beside each other for the first time, each gets an object that nobody needs, and the
//! others are asked for it.

use super::gather::{Wait, gather};
use super::local::Local;
use super::request::Save;
use super::situation::{Situation, reason};
use super::summary::CopyState;
use crate::{StoreError, StoreErrorKind};
use lifeboat_core::Result;
use lifeboat_core::log::BundleHash;
use lifeboat_core::log::name::{Name, Object};
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
    /// Why its own probe could not be put.
    refused: Option<StoreError>,
    /// Which probes of others it has. Those that were not put are missing.
    answers: Vec<(usize, Answer)>,
    /// Why it could not be asked. Then nobody knows which place it is.
    failed: Option<StoreError>,
}

impl Asked {
    fn answer(&self, other: &Self) -> Option<&Answer> {
        self.answers.iter().find(|(probe, _)| *probe == other.copy).map(|(_, answer)| answer)
    }
}

/// Whether two copies are one place.
enum Pair {
    Same,
    Apart,
    /// Neither of the two takes an object.
    Unknown,
}

impl Situation<'_> {
    /// Takes out copies that are the same place as one before them, unless it is remembered that these copies are places
    /// of their own. A copy that cannot be asked is taken out as well, until it answers.
    ///
    /// # Errors
    /// Interrupted; host when local state cannot be written.
    pub(super) fn tell_apart(&mut self, save: &Save<'_>, local: &mut Local<'_>) -> Result<()> {
        let usable = self.usable();
        let known = |copy: &usize| self.copies[*copy].id.as_ref().is_some_and(|id| local.memory.apart.contains(id));
        if usable.len() < 2 || usable.iter().all(known) {
            return Ok(());
        }
        let mut kept: Vec<Asked> = Vec::new();
        for asked in self.ask_all(save, &usable)? {
            let why = match &asked.failed {
                Some(error) => Some((false, reason(error))),
                None => kept.iter().find_map(|other| {
                    let name = &save.copies[other.copy].name;
                    match pair(other, &asked) {
                        Pair::Apart => None,
                        Pair::Same => Some((
                            true,
                            format!("it is the same place as {name}; take one of the two out of the stores"),
                        )),
                        Pair::Unknown => {
                            let why = asked.refused.as_ref().map(reason).unwrap_or_default();
                            Some((false, format!("nobody can tell whether it is the same place as {name}: {why}")))
                        }
                    }
                }),
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
        local.memory.apart = kept.iter().filter_map(|asked| self.copies[asked.copy].id.clone()).collect();
        local.witness.copies = self.sights();
        local.write_memory()
    }

    /// Puts a probe into each copy, asks all others for it, and removes it. One that stays, because nobody may delete, is a
    /// bundle that no record names: a prune takes it away.
    fn ask_all(&self, save: &Save<'_>, usable: &[usize]) -> Result<Vec<Asked>> {
        let impatient = vec![false; save.copies.len()];
        let wait = Wait { enough: save.minimum, impatient: &impatient, interrupted: self.interrupted };
        let probes: Vec<_> = (0..save.copies.len()).map(|copy| self.probe(save, copy)).collect();
        let put = |copy: usize, pace: &super::gather::Pace| {
            let (name, bytes) = &probes[copy];
            save.copies[copy].store.put(name, &bytes.as_bytes(), &pace.cancel).map(drop)
        };
        let mut asked: Vec<_> = gather(save, usable, &wait, put, std::result::Result::is_ok)?
            .into_iter()
            .map(|(copy, put)| Asked { copy, refused: put.err(), answers: Vec::new(), failed: None })
            .collect();
        // A copy that is full or takes nothing still answers.
        let is_mute = |error: &StoreError| !matches!(error.kind(), StoreErrorKind::Full | StoreErrorKind::Refused);
        for one in &mut asked {
            one.failed = one.refused.take_if(|error| is_mute(error));
        }
        let is_there = |one: &&Asked| one.refused.is_none() && one.failed.is_none();
        let there: Vec<_> = asked.iter().filter(is_there).map(|one| one.copy).collect();
        let answering: Vec<_> = asked.iter().filter(|one| one.failed.is_none()).map(|one| one.copy).collect();
        let ask = |copy: usize, pace: &super::gather::Pace| {
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
        let answers = gather(save, &answering, &wait, ask, std::result::Result::is_ok);
        let remove = |copy: usize, pace: &super::gather::Pace| {
            // Whoever may not delete leaves it there.
            let _ = save.copies[copy].store.delete(&probes[copy].0, &pace.cancel);
        };
        gather(save, &there, &wait, remove, |()| true)?;
        for (copy, answers) in answers? {
            let one = asked.iter_mut().find(|one| one.copy == copy);
            if let Some(one) = one {
                (one.answers, one.failed) = match answers {
                    Ok(answers) => (answers, None),
                    Err(error) => (Vec::new(), Some(error)),
                };
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

fn pair(one: &Asked, other: &Asked) -> Pair {
    match (one.answer(other), other.answer(one)) {
        (Some(Answer::Here), _) | (_, Some(Answer::Here)) => Pair::Same,
        (Some(Answer::NotHere), _) | (_, Some(Answer::NotHere)) => Pair::Apart,
        (None, None) => Pair::Unknown,
    }
}
