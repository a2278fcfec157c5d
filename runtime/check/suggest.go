package check

import (
	"fmt"
	"iter"
	"slices"
)

const (
	maxNameLength = 64  // bytes of a name that is compared; longer ones are not misspelt but made
	maxGuesses    = 200 // names of a file that get a suggestion; each is compared with all that are known
)

// didYouMean returns " (did you mean 'x'?)" for the known name most like the given one, or "".
func didYouMean(name string, known []string) string {
	if guess := nearest(name, slices.Values(known)); guess != "" {
		return fmt.Sprintf(" (did you mean '%s'?)", shown(guess, maxToken))
	}
	return ""
}

// nearest returns the known name at the least distance from name, the first in alphabet among equals; "" if none is
// close. One edit is close for names of three bytes and more, two for five and more: between shorter ones it is chance.
func nearest(name string, known iter.Seq[string]) string {
	limit := 2
	switch n := len(name); {
	case n < 3 || n > maxNameLength:
		return ""
	case n < 5:
		limit = 1
	}
	best := ""
	for candidate := range known {
		if candidate == name || len(candidate) < len(name)-limit || len(candidate) > len(name)+limit {
			continue
		}
		d := distance(name, candidate)
		if d < limit || d == limit && (best == "" || candidate < best) {
			best, limit = candidate, d
		}
	}
	return best
}

// distance counts the bytes to insert, drop or replace, and the neighbours to exchange, that make b of a.
// Neither is more than two bytes longer than maxNameLength.
func distance(a, b string) int {
	// before, last and row are three successive rows of the table of distances between prefixes of a and of b.
	var rows [3][maxNameLength + 3]int
	before, last, row := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, before
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := last[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(replace, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
