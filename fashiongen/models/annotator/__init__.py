"""The library's own reader of people: key points and parsing, learned from the mannequin world."""
