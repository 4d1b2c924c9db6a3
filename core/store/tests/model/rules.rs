//! The rules of saving, each with a switch. The names are those of DURABILITY.md.

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Which rules hold. A switch that is off is a mutant of the design.
        #[derive(Clone, Copy, Debug)]
        pub struct Rules { $($(#[$doc])* pub $name: bool),* }

        impl Rules {
            /// The design.
            pub const ALL: Self = Self { $($name: true),* };

            /// For each rule its name, and the design without it.
            pub fn mutants() -> Vec<(&'static str, Self)> {
                vec![$((stringify!($name), Self { $name: false, ..Self::ALL })),*]
            }
        }
    };
}

rules! {
    /// S1: bundle and record are in the spool before anything is put.
    spool_first,
    /// S2: a spooled record is put only after a look at the copies, by the same rules as a new one.
    spool_looks,
    /// S3: a spooled record is never forgotten: a new record is made after it, not in its place.
    spool_kept,
    /// L1: a copy that no longer has the record that is remembered of it gets nothing.
    lost_noticed,
    /// L2: if a copy is empty and another has records, the empty one gets nothing unless it was added.
    empty_asked,
    /// L3: if nothing is remembered, all named copies must answer.
    blind_asks,
    /// L4: if other records are ahead, the save goes on only if the live state is theirs.
    ahead_asks,
    /// L5: two ends are a fork, and nothing is put.
    fork_stops,
    /// P1: a record goes only to a copy that has a path to its state.
    path_needed,
    /// P2: bundles are put before the record.
    bundle_before_record,
    /// P6: a copy that itself holds two ends gets only full bundles.
    forked_full,
    /// P3: a record names the newest record of each copy that it goes to as a previous record.
    chained,
    /// P4: a record names the newest records of copies that lag as previous records.
    lagging_named,
    /// P5: what may land is noted before it is put.
    noted_first,
    /// A1: after the record was put, the log is looked at again before the copy counts.
    look_again,
    /// A2: if a bundle was there already, it is looked for again once the record is there.
    bundle_again,
    /// A5: if nobody saw the put of a record end, its bundles are put again before anything is built on it.
    unsure_again,
    /// A3: a save is acknowledged only when as many copies as the minimum says hold it.
    minimum,
    /// A4: what is remembered changes before the spool is removed.
    remember_before_drop,
    /// R1: a prune works only on a copy that itself holds the newest record.
    prune_current,
    /// R2: a prune proves a path to each record that it leaves.
    prune_proves,
    /// R3: after each bundle, a prune checks whether a new record lists the bundle, and puts it back.
    prune_looks,
    /// R4: a prune is refused while the log forks.
    prune_no_fork,
}
