//! The commands that make and print keys.

use crate::groups::Key;
use clap::{Args, ValueHint};

#[derive(Args)]
pub struct Keygen {
    /// The file to write. It must not exist. Only you may read it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: String,
    /// Make the key from the secret in this file: at least 16 random bytes as text. Needs --label
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, conflicts_with = "secret_env", requires = "label")]
    pub secret_file: Option<String>,
    /// Make the key from the secret in this environment variable. Needs --label
    #[arg(long, value_name = "NAME", requires = "label")]
    pub secret_env: Option<String>,
    /// The use of the key, such as the name of the application
    #[arg(long, value_name = "TEXT")]
    pub label: Option<String>,
}

#[derive(Args)]
pub struct DerivedKey {
    /// The file to write. It must not exist. Only you may read it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: String,
    /// The domain. Default: default, or that of the key
    #[arg(long, value_name = "NAME")]
    pub domain: Option<String>,
    #[command(flatten)]
    pub key: Key,
}

#[derive(Args)]
pub struct VerifyKey {
    /// The domain. Default: default, or that of the key
    #[arg(long, value_name = "NAME")]
    pub domain: Option<String>,
    #[command(flatten)]
    pub key: Key,
}

#[derive(Args)]
pub struct Sheet {
    /// The stores that the sheet names
    #[arg(value_name = "STORE")]
    pub stores: Vec<String>,
    /// The page to write. It must not exist. Only you may read it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: String,
    /// A domain that the sheet names. May be given several times. Others that the stores hold stand there by their ids
    #[arg(long = "domain", value_name = "NAME")]
    pub domains: Vec<String>,
    #[command(flatten)]
    pub key: Key,
}
