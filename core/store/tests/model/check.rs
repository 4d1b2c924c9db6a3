//! What must hold: promises 1 to 4, as far as a model can see them.

use std::collections::BTreeSet;

use crate::exporter::Acknowledged;
use crate::world::{Bundle, World};

/// This must hold after each step: each copy alone can restore the newest state of which it holds a record (promise 2).
/// `between` is a bundle that a prune has deleted and is looking for right now.
pub fn any_copy_is_enough(world: &World, between: Option<(usize, Bundle)>) -> Result<(), String> {
    for (number, copy) in world.copies.iter().enumerate() {
        let mut with = None;
        if let Some((_, bundle)) = between.filter(|(of, _)| *of == number) {
            with = Some(copy.clone());
            with.iter_mut().for_each(|copy| copy.bundles.extend([bundle]));
        }
        let copy = with.as_ref().unwrap_or(copy);
        let states = world.restorable(copy, 0);
        let mut newest: Vec<_> = copy.log.iter().copied().collect();
        newest.sort_by_key(|&record| std::cmp::Reverse(world.number(record)));
        for record in newest {
            if states.contains(&world.records[record].state) {
                break;
            }
            // If nobody acknowledged a record and it forks the log here, it is reported, and does not count. Nor does a
            // record count that this copy was never counted for, if a prune took its bundle before the record landed.
            let counted = || world.records[record].counted.iter().any(|&(of, _)| of == number);
            let pruned = || copy.floor > 0 && !counted();
            let forks = || copy.log.iter().any(|&other| world.forked(record, other));
            if !(pruned() || (world.records[record].counted.is_empty() && forks())) {
                return Err(format!("any copy is enough: copy {number} has no path to record {record}, its newest"));
            }
        }
    }
    Ok(())
}

/// This must hold when a save returns (promises 1 and 4).
pub fn saved_means_saved(world: &World, save: &Acknowledged, minimum: usize) -> Result<(), String> {
    let record = &world.records[save.record];
    if save.counted.len() < minimum {
        return Err(format!("saved means saved: record {} is in {} copies", save.record, save.counted.len()));
    }
    if let Some(copy) = save.filled.first() {
        return Err(format!("order: copy {copy} had lost records, and was filled in silence"));
    }
    for &(number, tampered) in &save.counted {
        let copy = &world.copies[number];
        if copy.tampered != tampered {
            continue;
        }
        if !copy.log.contains(&save.record)
            && !world.newest(copy).iter().any(|&newest| world.comes_after(newest, save.record))
        {
            return Err(format!("saved means saved: copy {number} does not hold record {}", save.record));
        }
        // Acknowledged records of other lines that were here at that time, and that nobody was told of.
        for &other in &copy.log {
            let there =
                world.records[other].counted.iter().any(|&(of, tampered)| of == number && tampered == copy.tampered);
            if there && !world.records[other].reported && world.forked(other, save.record) {
                return Err(format!(
                    "order: records {other} and {} fork, both were acknowledged in silence",
                    save.record
                ));
            }
        }
    }
    if record.unknown {
        return Err(format!("order: record {} goes on from a state that its database never had", save.record));
    }
    Ok(())
}

/// This must hold at any time: a copy holds what was acknowledged in it, or something newer of the same line (promises
/// 1 and 3).
pub fn nothing_sound_is_lost(world: &World) -> Result<(), String> {
    for (number, record) in world.records.iter().enumerate() {
        for &(copy, tampered) in &record.counted {
            let held = &world.copies[copy];
            if held.tampered == tampered && !held.log.iter().any(|&later| world.comes_after(later, number)) {
                return Err(format!("nothing is lost: copy {copy} lost record {number}"));
            }
        }
    }
    Ok(())
}

/// Everything that these copies hold. If a record landed late, below the floor of its own copy, it does not count.
pub fn held(world: &World, copies: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
    let held = |copy: usize| {
        let copy = &world.copies[copy];
        let newest = world.newest(copy);
        let counts = move |record: &usize| world.number(*record) >= copy.floor || newest.contains(record);
        copy.log.iter().copied().filter(counts)
    };
    copies.into_iter().flat_map(held).collect()
}
