// Package house holds the rules of this repository that a compiler does not: which way imports point, who may read the
// environment, how files are named and how long they get, and that what is deployed fits the program. It is all tests.
package house
