//! What the answers mean, each handed to the check that it is for.

use std::time::Duration;

use super::{Heard, NO_LOGIN};
use crate::cli::doctor::check::Check;
use crate::cli::doctor::checks::{addresses, gate, leaks, logins, pace, sample, token};
use crate::cli::doctor::examination::Means;
use crate::cli::doctor::finding::Finding;
use crate::cli::doctor::forgery::making;
use crate::cli::doctor::reply::Reply;

impl Heard {
    /// One finding for each check that an answer decides.
    pub(in crate::cli::doctor) fn judged(&self, means: &Means<'_>) -> Vec<Finding> {
        let any = if self.token.answer().is_some() { &self.token } else { &self.no_login };
        let mut findings = vec![token::judge_http11(any)];
        findings.extend(token::judge(&self.token));
        findings.push(token::judge_bodies(&self.without_body, &self.with_form));
        let made = self.good.as_ref().zip(means.login.as_ref());
        findings.push(token::judge_making(made.map(|(token, (username, password))| making(token, username, password))));
        findings.extend(self.judged_logins());
        findings.extend(self.judged_gate());
        findings.push(addresses::judge_token_slash(&self.token_slash));
        findings.push(addresses::judge_delivery_slash(&self.delivery_slash));
        findings.push(addresses::judge_double_slash(&self.double_slash));
        findings.push(addresses::judge_plain(means.endpoint, &self.at_80));
        let tokens = [&self.token, &self.without_body, &self.with_form];
        let good = tokens.into_iter().filter(|reply| token::token_of(reply).is_some());
        findings.push(pace::judge_token(&times(good)));
        findings.extend(leaks::judge(&self.all()));
        findings.push(sample::judge(&self.sample));
        findings
    }

    fn judged_logins(&self) -> Vec<Finding> {
        let none = &Reply::Unsent(NO_LOGIN);
        let (wrong, unknown) = (self.wrong.first().unwrap_or(none), self.unknown.first().unwrap_or(none));
        vec![
            logins::judge(Check::WrongPassword, wrong),
            logins::judge(Check::UnknownUser, unknown),
            logins::judge(Check::NoLogin, &self.no_login),
            logins::judge_alike(wrong, unknown),
            pace::judge_logins(&times(self.wrong.iter()), &times(self.unknown.iter())),
        ]
    }

    fn judged_gate(&self) -> Vec<Finding> {
        let bad: Vec<&Reply> =
            [&self.bad.null, &self.bad.forged, &self.bad.unsigned].into_iter().chain(&self.bad.samples).collect();
        vec![
            gate::judge(Check::NoToken, &self.bad.none),
            gate::judge(Check::BearerNull, &self.bad.null),
            gate::judge(Check::Forged, &self.bad.forged),
            gate::judge(Check::AlgNone, &self.bad.unsigned),
            gate::judge_all(Check::SampleSecret, &self.bad.samples),
            gate::judge(Check::Expired, &self.expired),
            gate::judge_presence(&self.bad.none, &bad),
        ]
    }

    /// Every answer, with the check it was for.
    fn all(&self) -> Vec<(Check, &Reply)> {
        let mut all = vec![
            (Check::TokenStatus, &self.token),
            (Check::NoLogin, &self.no_login),
            (Check::NoToken, &self.bad.none),
            (Check::BearerNull, &self.bad.null),
            (Check::Forged, &self.bad.forged),
            (Check::AlgNone, &self.bad.unsigned),
            (Check::TokenSlash, &self.token_slash),
            (Check::DeliverySlash, &self.delivery_slash),
            (Check::Sample, &self.sample),
        ];
        all.extend(self.wrong.iter().map(|reply| (Check::WrongPassword, reply)));
        all.extend(self.unknown.iter().map(|reply| (Check::UnknownUser, reply)));
        all.extend(self.bad.samples.iter().map(|reply| (Check::SampleSecret, reply)));
        all
    }
}

fn times<'r>(replies: impl Iterator<Item = &'r Reply>) -> Vec<Duration> {
    replies.filter_map(Reply::answer).map(|answer| answer.took).collect()
}
