use rcgen::{BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use super::anchor::content;
use super::*;
use crate::cli::doctor::finding::Mark;

struct Pki {
    root: CertificateDer<'static>,
    middle: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    roots: Roots,
}

fn authority(title: &str) -> (CertificateParams, KeyPair) {
    let mut params = CertificateParams::new([]).expect("no names");
    params.distinguished_name.push(DnType::CommonName, title);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    (params, KeyPair::generate().expect("a key"))
}

impl Pki {
    fn new() -> Self {
        let (params, key) = authority("Trial Root");
        let root = params.self_signed(&key).expect("a root").der().clone();
        let above = Issuer::new(params, key);
        let (params, key) = authority("Trial Intermediate 7");
        let middle = params.signed_by(&key, &above).expect("an intermediate").der().clone();
        let pem = pem::encode(&pem::Pem::new("CERTIFICATE", root.to_vec()));
        let roots = Roots::public().and_pem(pem.as_bytes()).expect("a root");
        Self { root, middle, issuer: Issuer::new(params, key), roots }
    }

    fn leaf(&self, change: impl FnOnce(&mut CertificateParams)) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(["pay.vn".to_owned()]).expect("a name");
        (params.not_before, params.not_after) = (rcgen::date_time_ymd(2026, 1, 1), rcgen::date_time_ymd(2027, 1, 1));
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        params.signed_by(&key, &self.issuer).expect("a leaf").der().clone()
    }

    fn judge(&self, chain: &[CertificateDer<'_>], day: &str) -> [Finding; 3] {
        let now = humantime::parse_rfc3339(&format!("{day}T00:00:00Z")).expect("a day");
        judge(chain, "pay.vn", now, &self.roots)
    }
}

#[test]
fn what_is_wrong_with_a_certificate_is_told_apart() {
    let pki = Pki::new();
    let good = pki.leaf(|_| {});
    let other = pki.leaf(|params| {
        params.subject_alt_names = CertificateParams::new(["other.vn".to_owned()]).expect("a name").subject_alt_names
    });
    // RFC 5280, section 4.2.2.1: one caIssuers entry with a URI of 16 bytes.
    let mut access = b"\x30\x1e\x30\x1c\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x02\x86\x10".to_vec();
    access.extend_from_slice(b"http://ca.vn/i.c");
    let telling = pki.leaf(|params| {
        params.custom_extensions.push(CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], access));
    });
    let selfish = {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(["pay.vn".to_owned()]).expect("a name");
        (params.not_before, params.not_after) = (rcgen::date_time_ymd(2026, 1, 1), rcgen::date_time_ymd(2027, 1, 1));
        params.self_signed(&key).expect("a certificate").der().clone()
    };
    let stranger = Pki::new();
    let strange = stranger.leaf(|_| {});
    let middle = || pki.middle.clone();
    for (chain, day, mark, said) in [
        (vec![good.clone(), middle()], "2026-06-01", Mark::Pass, "until 2027-01-01, signed by CN=Trial Intermediate 7"),
        (vec![good.clone(), middle(), pki.root.clone()], "2026-06-01", Mark::Pass, "good"),
        (vec![good.clone(), middle()], "2026-12-28", Mark::Warn, "2027-01-01"),
        (vec![good.clone(), middle()], "2027-01-02", Mark::Fail, "it has expired on 2027-01-01"),
        (vec![good.clone(), middle()], "2025-12-31", Mark::Fail, "not valid yet, only from 2026-01-01"),
        (vec![other, middle()], "2026-06-01", Mark::Fail, "it is for another name: other.vn"),
        (vec![good], "2026-06-01", Mark::Fail, "the certificate of its issuer CN=Trial Intermediate 7 is not sent"),
        (
            vec![telling],
            "2026-06-01",
            Mark::Fail,
            "CN=Trial Intermediate 7 is not sent; it is to be had at http://ca.vn/i.c",
        ),
        (vec![selfish], "2026-06-01", Mark::Fail, "signed itself"),
        (vec![strange, stranger.middle, stranger.root], "2026-06-01", Mark::Fail, "is not"),
        (vec![CertificateDer::from(vec![1, 2])], "2026-06-01", Mark::Fail, "cannot be read"),
    ] {
        let [certificate, java, _] = pki.judge(&chain, day);
        assert_eq!(certificate.mark, mark, "{day} {said}: {certificate:?}");
        assert!(certificate.evidence.contains(said), "{said}: {certificate:?}");
        let trusted = mark != Mark::Fail;
        assert_eq!(java.mark, if trusted { Mark::Pass } else { Mark::Skipped }, "{java:?}");
    }
}

#[test]
fn an_authority_that_is_not_public_is_told_from_a_missing_one() {
    let (pki, stranger) = (Pki::new(), Pki::new());
    let (params, key) = authority("Private Root");
    let root = params.self_signed(&key).expect("a root").der().clone();
    let issuer = Issuer::new(params, key);
    let mut leaf = CertificateParams::new(["pay.vn".to_owned()]).expect("a name");
    (leaf.not_before, leaf.not_after) = (rcgen::date_time_ymd(2026, 1, 1), rcgen::date_time_ymd(2027, 1, 1));
    let leaf = leaf.signed_by(&KeyPair::generate().expect("a key"), &issuer).expect("a leaf").der().clone();
    let [certificate, ..] = pki.judge(&[leaf, root], "2026-06-01");
    assert_eq!(certificate.evidence, "its authority CN=Private Root is not a public one");
    // Names alone make no chain: the same names, other keys.
    let [certificate, ..] = pki.judge(&[stranger.leaf(|_| {}), stranger.middle.clone()], "2026-06-01");
    assert_eq!(certificate.mark, Mark::Fail, "{certificate:?}");
}

#[test]
fn several_faults_are_all_named() {
    let pki = Pki::new();
    let leaf = pki.leaf(|params| params.subject_alt_names.clear());
    let [certificate, ..] = pki.judge(&[leaf], "2028-01-01");
    for said in ["expired", "another name: none", "chain is incomplete"] {
        assert!(certificate.evidence.contains(said), "{certificate:?}");
    }
}

#[test]
fn keys_that_java_8_does_not_take_are_found() {
    let pki = Pki::new();
    let good = pki.leaf(|_| {});
    assert_eq!(pki.judge(&[good, pki.middle.clone()], "2026-06-01")[2].mark, Mark::Pass);
    let key = KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key");
    let params = CertificateParams::new(["pay.vn".to_owned()]).expect("a name");
    let edwards = params.self_signed(&key).expect("a certificate").der().clone();
    let [_, _, key] = pki.judge(&[edwards], "2026-06-01");
    assert!(key.mark == Mark::Fail && key.evidence.contains("Ed25519"), "{key:?}");
}

#[test]
fn a_public_root_is_found_by_its_name() {
    let roots = Roots::public();
    let store = roots.store();
    let sequence = |content: &[u8]| [&[0x30, 0x81, u8::try_from(content.len()).expect("short")][..], content].concat();
    let named = store.roots.iter().filter_map(|root| {
        let der = sequence(root.subject.as_ref());
        assert_eq!(content(&der), root.subject.as_ref());
        X509Name::from_der(&der).ok().map(|(_, name)| common_name(&name))
    });
    let known = named.filter(|name| crate::cli::doctor::java::known(name).is_some()).count();
    assert!(known > 50, "only {known} of Mozilla's roots are in the table of Java's");
}
