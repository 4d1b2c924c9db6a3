//! What stands under a name.

/// What a directory says about a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Is {
    File,
    Folder,
    Other,
}
