//! What the network reports of one payment.

use serde::Serialize;

/// The 13 members of a delivery, in the network's order. What does not apply is an empty text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// In dong.
    pub amount: u64,
    /// The partner's own order.
    pub order_id: String,
    /// The partner's own service.
    pub service_code: String,
    /// The bank's reference.
    #[serde(rename = "referencenumber")]
    pub reference_number: String,
    /// The account that the money came to.
    #[serde(rename = "bankaccount")]
    pub bank_account: String,
    /// A checksum, if one was agreed on.
    pub sign: String,
    /// The network's name for the payment.
    #[serde(rename = "transactionid")]
    pub transaction_id: String,
    /// The transfer's text.
    pub content: String,
    /// `C` for money that comes in, `D` for money that goes out.
    pub trans_type: String,
    /// The partner's own till.
    pub sub_terminal_code: String,
    /// The partner's own point of sale.
    pub terminal_code: String,
    /// When it was paid, since the Unix epoch: seconds or milliseconds, both are seen.
    #[serde(rename = "transactiontime")]
    pub transaction_time: u64,
    /// Where the payer is sent afterwards.
    pub url_link: String,
}

impl Payment {
    /// The body of its delivery.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers under names that are texts")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_has_the_13_members_of_the_network() {
        let payment = Payment { amount: 1000, transaction_id: "T\"1".to_owned(), ..Payment::default() };
        let members =
            r#"{"amount":1000,"orderId":"","serviceCode":"","referencenumber":"","bankaccount":"","sign":"","#;
        let rest = r#""transactionid":"T\"1","content":"","transType":"","subTerminalCode":"","terminalCode":"","transactiontime":0,"urlLink":""}"#;
        assert_eq!(payment.json(), format!("{members}{rest}"));
    }
}
