//! Paths, targets and hosts on the wire: what could be read in two ways never goes up, what goes up is what was sent, and a client that is
//! allowed one path reaches no other.

mod aim;
mod forms;
mod judged;
mod places;
