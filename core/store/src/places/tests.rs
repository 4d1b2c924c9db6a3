use super::*;
use std::path::Path;

fn refused(text: &str) -> String {
    Places::parse(text).expect_err(text).to_string()
}

#[test]
fn names_of_stores() {
    for (text, place) in [
        ("dir:/mnt/a b#1", Place::Dir("/mnt/a b#1".into())),
        ("dir:relative/path", Place::Dir("relative/path".into())),
        ("dir:me@home", Place::Dir("me@home".into())),
        ("volume:Backup stick", Place::Volume("Backup stick".into())),
    ] {
        let places = Places::parse(text).unwrap();
        assert_eq!((places.places(), places.selector()), (&[place.clone()][..], &Selector::Newest), "{text}");
        assert_eq!(place.to_string(), text);
        assert!(is_store(text));
    }
    for text in ["app.bundle", "./dir:x", "/mnt/dir:x", "", "[\"dir:a\"]", "DIR:x"] {
        assert!(!is_store(text), "{text}");
    }
}

#[test]
fn an_s3_store() {
    let text = "s3://my-bucket/a/b/?endpoint=HTTPS%3A//S3.Example.com:443/&region=eu-1&profile=home&credentials=%2fetc%2fkeys&ca=ca.pem&virtual_hosted=1&metadata=0";
    let Place::S3(place) = Place::parse(text).unwrap() else { panic!("s3") };
    assert_eq!((&*place.bucket, &*place.prefix), ("my-bucket", "a/b"));
    assert_eq!(place.endpoint.as_deref(), Some("https://s3.example.com"));
    assert_eq!((place.region.as_deref(), place.profile.as_deref()), (Some("eu-1"), Some("home")));
    assert_eq!(place.credentials.as_deref(), Some(Path::new("/etc/keys")));
    assert_eq!(place.ca.as_deref(), Some(Path::new("ca.pem")));
    assert!(place.virtual_hosted && !place.metadata && !place.allow_http);
    assert_eq!(place.to_string(), "s3://my-bucket/a/b?endpoint=https://s3.example.com");
    for local in ["http://127.0.0.1:9000", "http://[::1]:9000", "http://localhost", "http://127.9.9.9/s3"] {
        assert!(Place::parse(&format!("s3://abc/?endpoint={local}")).is_ok(), "{local}");
    }
    assert!(Place::parse("s3://abc?endpoint=http://10.0.0.1&allow_http=1").is_ok());
}

#[test]
fn what_is_refused_says_how_to_write_it() {
    for (text, part) in [
        ("", "this is a path, not a store"),
        ("app.bundle", "write 'dir:PATH'"),
        (
            "gs://bucket",
            "there is no kind of store 'gs:'; known are 'dir:PATH', 'volume:LABEL' and 's3://BUCKET/PREFIX'",
        ),
        ("dir:", "needs the path of a directory"),
        ("dir:a\0b", "a zero byte"),
        ("volume:", "needs a label"),
        ("volume:/dev/sdb1", "is a path"),
        ("s3:bucket", "with two slashes"),
        ("s3://", "not the name of a bucket"),
        ("s3://Bucket/x", "not the name of a bucket"),
        ("s3://abc//x", "the prefix"),
        ("s3://abc/a/../x", "the prefix"),
        ("s3://abc/%41", "the prefix"),
        ("s3://abc?endpoint=", "has no value"),
        ("s3://abc?endpoint=%zz", "has no value"),
        ("s3://abc?endpoint=a.example", "does not begin with"),
        ("s3://abc?endpoint=https://", "has no host"),
        ("s3://abc?endpoint=https://a%3Fb", "has no host"),
        ("s3://abc?endpoint=https://a:0", "a port"),
        ("s3://abc?endpoint=https://a:99999", "a port"),
        ("s3://abc?endpoint=http://a.example", "allow_http=1"),
        ("s3://abc?endpoint=http://127.0.0.1.example", "allow_http=1"),
        ("s3://abc?endpoint=http://localhost.example", "allow_http=1"),
        ("s3://abc?endpont=x", "there is no parameter 'endpont' of an S3 store; known are endpoint, region"),
        ("s3://abc?region=a&region=b", "stands there twice"),
        ("s3://abc?allow_http=yes", "must be 1 or 0"),
    ] {
        let error = refused(text);
        assert!(error.starts_with("misuse: ") && error.contains(part), "{text}: {error}");
    }
}

#[test]
fn credentials_are_refused_and_never_shown() {
    for text in [
        "s3://key:hunter2@bucket/x",
        "s3://abc?endpoint=https://key:hunter2@host",
        "s3://abc?endpoint=https%3A%2F%2Fkey%3Ahunter2%40host",
        "s3://abc?secret_access_key=hunter2",
        "s3://abc?AWS-ACCESS-KEY-ID=hunter2",
        "s3://abc?session_token=hunter2",
        "[\"s3://key:hunter2@bucket/x\"]",
        "dir://key:hunter2@bucket/x",
    ] {
        let error = refused(text);
        assert!(error.contains("credentials never stand in the name of a store"), "{text}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn selectors() {
    let id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    for (text, selector) in [
        ("dir:a#seq=12", Selector::Number(12)),
        (&*format!("s3://abc/x?region=a#state={id}"), Selector::State(id.parse().unwrap())),
        ("volume:a#at=1970-01-01", Selector::At(86_399)),
        ("dir:a#b#at=1970-01-01T00:00:01Z", Selector::At(1)),
        ("[\"dir:a\", \"dir:b#seq=1\"]", Selector::Number(1)),
        ("[\"dir:a#seq=1\", \"dir:b#seq=1\"]", Selector::Number(1)),
        ("dir:a#1", Selector::Newest),
    ] {
        assert_eq!(Places::parse(text).unwrap().selector(), &selector, "{text}");
    }
    assert_eq!(Places::parse("dir:a#b#seq=1").unwrap().places(), [Place::Dir("a#b".into())]);
    for (text, part) in [
        ("dir:a#sqe=1", "there is no selector '#sqe='; known are"),
        ("dir:a#seq=", "a decimal number"),
        ("dir:a#seq=-1", "a decimal number"),
        ("dir:a#seq=+1", "a decimal number"),
        ("dir:a#seq=99999999999999999999", "a decimal number"),
        ("dir:a#state=12", "64 hexadecimal digits"),
        ("dir:a#at=yesterday", "write a date as"),
        ("dir:a#seq=1#seq=2", "two selectors"),
        ("[\"dir:a#seq=1\", \"dir:b#seq=2\"]", "select different states"),
        ("s3://abc/x#y", "the prefix"),
    ] {
        let error = refused(text);
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn arrays_are_copies_and_one_place_counts_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().display();
    std::fs::create_dir(directory.path().join("a")).unwrap();
    let texts = format!(
        r#"["dir:{path}/a", "dir:{path}/./a/", "dir:{path}/b/c", "dir:{path}/a/../b/c",
            "s3://abc/x?endpoint=https://h", "s3://abc/x/?endpoint=https://H:443/", "s3://abc/y?endpoint=https://h",
            "volume:no such volume", "volume:no such volume"]"#
    );
    #[cfg(unix)]
    std::os::unix::fs::symlink(directory.path().join("a"), directory.path().join("link")).unwrap();
    #[cfg(unix)]
    let texts = texts.replace(']', &format!(r#", "dir:{path}/link"]"#));
    let places = Places::parse(&texts).unwrap();
    let shown: Vec<_> = places.places().iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            format!("dir:{path}/a"),
            format!("dir:{path}/b/c"),
            "s3://abc/x?endpoint=https://h".into(),
            "s3://abc/y?endpoint=https://h".into(),
            "volume:no such volume".into(),
        ]
    );
    for (text, part) in [
        (&*format!("dir:{}", "a/".repeat(2047)), "longer than 4096 bytes"),
        (&*format!("s3://abc/{}", "a/".repeat(500_000)), "longer than 4096 bytes"),
        (&*format!("[\"volume:{}\"]", "a".repeat(4090)), "element 1 of the array: the name of a store is longer"),
        ("[]", "empty"),
        ("[\"dir:a\"", "a JSON array"),
        ("[\"dir:a\", 1]", "a JSON array"),
        ("[\"dir:a\", \"b.bundle\"]", "element 2 of the array is a path, others are stores"),
        ("[\"dir:a\", \"s3://B\"]", "element 2 of the array: "),
    ] {
        let error = refused(text);
        assert!(error.contains(part), "{text}: {error}");
    }
}
