//! The certificate pair, as certbot, a careful hand and Kubernetes replace it.

use std::{cell::RefCell, fs};

use crate::kit::{Ca, Raw, RequestText};

use super::{Entry, Mount, Told, Workday, mount::Named, workday::replace};

/// A certificate of the kit's authority for these names, and its key, as PEM. `stem` is nobody else's.
pub(super) fn pair(names: &[&str], stem: &str) -> (String, String) {
    let (chain, key) = Ca::shared().sign(names, stem);
    let read = |path| fs::read_to_string(path).expect("it was just written");
    (read(chain), read(key))
}

/// Does the next handshake get a certificate for `name`?
async fn serves(day: &Workday, name: &str) -> bool {
    Raw::try_tls(day.sidecar.address(), &day.sidecar.tls().server_name(name)).await.is_ok()
}

// 9
#[tokio::test]
async fn a_renewed_pair_serves_the_next_handshake() {
    let day = Workday::begin(|building, folder| {
        let (chain, key) = pair(&["localhost", "first"], "renewed-1");
        replace(&folder.join("chain"), &chain);
        replace(&folder.join("key"), &key);
        let path = |name| folder.join(name).display().to_string();
        building.var("TLS_CERT_FILE", path("chain")).var("TLS_KEY_FILE", path("key"))
    })
    .await;
    assert!(serves(&day, "first").await);
    let mut open = day.sidecar.connect().await;
    let (chain, key) = pair(&["localhost", "second"], "renewed-2");
    // One after the other: in between they do not match, which may be seen and must not be felt.
    replace(&day.path("chain"), &chain);
    day.look().await;
    assert!(serves(&day, "first").await);
    day.told(Told::Failed, "certificate", 1).await;
    replace(&day.path("key"), &key);
    day.told(Told::Reloaded, "certificate", 1).await;
    assert!(serves(&day, "second").await && !serves(&day, "first").await);
    // Who is connected stays so.
    let token = day.token("vietqr", crate::kit::sidecar::PASSWORD).await;
    open.write(RequestText::new("GET", "/open").bearer(&token).bytes()).await;
    assert_eq!(open.read_response().await.status(), 200);
    day.end().await;
}

// 9
#[tokio::test]
async fn a_bad_pair_leaves_the_old_one_serving_until_it_is_mended() {
    let mount = RefCell::new(None);
    let first = pair(&["localhost", "state-0"], "bad-first");
    let day = Workday::begin(|building, folder| {
        let tls = Mount::new(folder.join("tls"), &[("tls.crt", &first.0), ("tls.key", &first.1)]);
        let building = building.var("TLS_CERT_FILE", tls.path("tls.crt")).var("TLS_KEY_FILE", tls.path("tls.key"));
        mount.replace(Some(tls));
        building
    })
    .await;
    let mount = mount.take().expect("it was made");
    let (bad, other) = (pair(&["localhost", "bad"], "bad-bad"), pair(&["localhost", "bad"], "bad-other"));
    let (half_chain, half_key) = (half(&bad.0), half(&bad.1));
    let (chain, key) = (("tls.crt", Entry::Text(&bad.0)), ("tls.key", Entry::Text(&bad.1)));
    let rows: [(&str, Vec<Named<'_>>, &str); 9] = [
        ("mismatched", vec![chain, ("tls.key", Entry::Text(&other.1))], "does not belong to the certificate"),
        ("half a chain", vec![("tls.crt", Entry::Text(half_chain)), key], "certificate file is damaged"),
        ("half a key", vec![chain, ("tls.key", Entry::Text(half_key))], "key file is damaged"),
        ("empty chain", vec![("tls.crt", Entry::Text("")), key], "holds no PEM certificate"),
        ("empty key", vec![chain, ("tls.key", Entry::Text(""))], "holds no PEM private key"),
        ("no chain", vec![key], "cannot be read"),
        ("no key", vec![chain], "cannot be read"),
        ("a folder for a chain", vec![("tls.crt", Entry::Folder), key], "cannot be read"),
        ("a folder for a key", vec![chain, ("tls.key", Entry::Folder)], "cannot be read"),
    ];
    for ((row, entries, expected), number) in rows.into_iter().zip(1..) {
        mount.swap(&entries);
        let line = day.told(Told::Failed, "certificate", number).await;
        let error = line["error"].as_str().unwrap_or_default();
        assert!(error.contains(expected) && error.contains("BEARERGATE_TLS_"), "{row}: {error}");
        day.look().await;
        let old = format!("state-{}", number - 1);
        assert!(serves(&day, &old).await && !serves(&day, "bad").await, "{row}");
        day.was_told(Told::Failed, "certificate", number);
        // Mended by another pair that is good.
        let name = format!("state-{number}");
        let good = pair(&["localhost", &name], &format!("bad-{number}"));
        mount.swap(&[("tls.crt", Entry::Text(&good.0)), ("tls.key", Entry::Text(&good.1))]);
        day.told(Told::Reloaded, "certificate", number).await;
        assert!(serves(&day, &name).await && !serves(&day, &old).await, "{row}");
    }
    day.end().await;
}

fn half(text: &str) -> &str {
    // Within its first block.
    &text[..150]
}
