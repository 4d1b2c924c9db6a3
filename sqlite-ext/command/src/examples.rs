//! The examples at the end of each command's help.

pub const EXPORT: &str = "\
Examples:
  lifeboat export app.db --out app.bundle --key-file recovery.key
  lifeboat export app.db --out app.1.bundle --base app.bundle
  lifeboat export app.db --out ada.bundle --where customers 'id = 1' --exclude drafts";

pub const ESTIMATE: &str = "\
Examples:
  lifeboat estimate app.db
  lifeboat estimate app.db --base app.bundle --json";

pub const SAVE: &str = "\
The first save puts a full bundle, later ones put what changed. When the command ends with 0, at \
least --minimum copies hold the state, and each of them alone restores it.

Examples:
  lifeboat save app.db dir:/mnt/disk/backup/copy volume:escapepod
  lifeboat save app.db dir:/mnt/disk/backup/copy 's3://bucket/app?region=eu-central-1' --minimum 2
  lifeboat save app.db file:reserve.json
  lifeboat save --files a.conf --files b.conf --domain papers --local papers-state dir:/mnt/copy";

pub const PROTECT: &str = "\
It saves at the start, some moments after each commit, and once more when a signal (TERM, INT) ends it. \
Then the exit code tells how that last save ended. It tells systemd when it is ready. Errors of \
saves are told on the standard error, and tried again.

Examples:
  lifeboat protect app.db dir:/mnt/disk/backup/copy volume:escapepod
  lifeboat protect app.db s3://bucket/app --key-file app.write.key --domain app";

pub const STATUS: &str = "\
Without stores it reads the local state alone, and needs no key. To ask stores, a verify key is enough.

Examples:
  lifeboat status app.db
  lifeboat status app.db dir:/mnt/disk/backup/copy dir:/mnt/stick/backup/copy
  lifeboat status dir:/mnt/disk/backup/copy --key-file verify.key";

pub const SCRUB: &str = "\
A verify key is enough, also to heal. If something is wrong, the report says what, and the exit \
code is 10.

Examples:
  lifeboat scrub dir:/mnt/disk/backup/copy dir:/mnt/stick/backup/copy --key-file verify.key
  lifeboat scrub dir:/mnt/disk/backup/copy dir:/mnt/stick/backup/copy --level hashes --repair";

pub const PRUNE: &str = "\
The newest save is always kept. Before anything is deleted, all that stays is read and its hashes are \
checked. It needs the recovery key or the write key.

Examples:
  lifeboat prune dir:/disk/copy dir:/stick/copy --keep last=20 --keep daily=14 --keep monthly=12
  lifeboat prune dir:/disk/copy dir:/stick/copy --keep daily=14 --dry-run=false
  lifeboat prune dir:/disk/copy dir:/stick/copy --copy dir:/stick/copy --dry-run=false";

pub const LOG: &str = "\
Without a key it lists the only series in the stores.

Examples:
  lifeboat log dir:/mnt/disk/backup/copy --limit 10
  lifeboat log dir:/mnt/disk/backup/copy dir:/mnt/stick/backup/copy --json";

pub const EVENTS: &str = "\
Examples:
  lifeboat events wallet.db
  lifeboat events --local /var/lib/keeper --after 17 --json";

pub const REPORT: &str = "\
A verify key is enough to check copies; with a key that reads, saves have dates and labels. Without a \
key, the page shows what anybody can see. The page has no script, and asks for nothing.

Examples:
  lifeboat report file:reserve.json --out report.html --key-file verify.key
  lifeboat report dir:/mnt/disk/backup/copy --local app.db-lifeboat --out report.html --replace";

pub const VERIFY: &str = "\
Without a key it checks that the bundle is whole, and not who made it. A verify key is \
enough to check who made it.

Examples:
  lifeboat verify app.bundle
  lifeboat verify app.bundle app.1.bundle --level restore
  lifeboat verify dir:/mnt/disk/backup/copy dir:/mnt/stick/backup/copy";

pub const INFO: &str = "\
Examples:
  lifeboat info app.bundle
  lifeboat info 'dir:/mnt/disk/backup/copy#seq=12' --json";

pub const TABLES: &str = "\
Examples:
  lifeboat tables app.bundle
  lifeboat tables dir:/mnt/disk/backup/copy";

pub const ROWS: &str = "\
Examples:
  lifeboat rows notes app.bundle
  lifeboat rows notes 'dir:/mnt/disk/backup/copy#at=2026-11-28' --lookup 12
  lifeboat rows settings app.bundle --lookup '[\"volume\"]' --json";

pub const DIFF: &str = "\
Examples:
  lifeboat diff --old monday.bundle --new tuesday.bundle
  lifeboat diff --old app.bundle --new app.bundle app.1.bundle
  lifeboat diff --old 'dir:/mnt/disk/backup/copy#seq=1' --new dir:/mnt/disk/backup/copy";

pub const COMPOSE: &str = "\
Examples:
  lifeboat compose app.bundle app.1.bundle app.2.bundle --out whole.bundle
  lifeboat compose dir:/mnt/disk/backup/copy --out newest.bundle";

pub const RESTORE: &str = "\
The database is built and proved beside the path, and then put in its place.

Examples:
  lifeboat restore app.bundle --out app.db
  lifeboat restore dir:/mnt/disk/backup/copy dir:/mnt/stick/backup/copy --out app.db --resume
  lifeboat restore 'dir:/mnt/disk/backup/copy#at=2026-11-28' --out old.db";

pub const RESTORE_ALL: &str = "\
Each database becomes a file with the name of its domain, files become a folder. If one of them \
fails, the others go on, and the exit code is 10.

Example:
  lifeboat restore-all dir:/mnt/disk/backup/copy dir:/mnt/stick/backup/copy --out restored";

pub const KEYGEN: &str = "\
Whoever has the recovery key can open every bundle that was made with it. Without it nobody can. \
Keep it in two places that cannot burn together, and off the machine that it protects.

Examples:
  lifeboat keygen --out recovery.key
  lifeboat keygen --out recovery.key --secret-file seed.txt --label notes";

pub const WRITE_KEY: &str = "\
Example:
  lifeboat write-key --out notes.write.key --domain notes --key-file recovery.key";

pub const READ_KEY: &str = "\
Example:
  lifeboat read-key --out notes.read.key --domain notes --key-file recovery.key";

pub const VERIFY_KEY: &str = "\
Example:
  lifeboat verify-key --key-file recovery.key > verify.key";

pub const SHEET: &str = "\
The page holds the key: whoever reads it can open the backups. No other command writes a key that it \
was given into a page. Open the file in a browser, print it (one page of A4), keep the paper where no \
stranger comes, and delete the file. Do not print it on a printer that others use.

Examples:
  lifeboat sheet --out sheet.html --key-file recovery.key
  lifeboat sheet dir:/mnt/disk/backup/copy s3://bucket/app --domain papers --out sheet.html";

pub const COMPLETIONS: &str = "\
Example:
  lifeboat completions bash > ~/.local/share/bash-completion/completions/lifeboat";

pub const MAN: &str = "\
Example:
  lifeboat man ~/.local/share/man/man1";
