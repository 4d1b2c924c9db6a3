//! Certificates of CAs that no system trusts.

use std::path::Path;
use std::process::Command;

fn openssl(directory: &Path, arguments: &str) {
    let done = Command::new("openssl").args(arguments.split(' ')).current_dir(directory).output().unwrap();
    assert!(done.status.success(), "{arguments}: {}", String::from_utf8_lossy(&done.stderr));
}

/// A CA with this name, and a certificate that it signed for this machine.
pub fn certificates(directory: &Path, name: &str) {
    std::fs::write(
        directory.join("leaf.cnf"),
        "subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=CA:FALSE\n",
    )
    .unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(directory, &format!("req -x509 {key} -keyout {name}-ca.key -out {name}-ca.pem -days 2 -subj /CN={name}"));
    openssl(directory, &format!("req {key} -keyout {name}.key -out {name}.csr -subj /CN=server"));
    openssl(
        directory,
        &format!(
            "x509 -req -in {name}.csr -CA {name}-ca.pem -CAkey {name}-ca.key -CAcreateserial -days 2 -extfile leaf.cnf -out {name}.pem"
        ),
    );
}
