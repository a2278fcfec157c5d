package kernel

// pages maps numbers that are handed out in order to values. Numbers near each other share a page, and the page of the
// last one looked at is mostly the one wanted next: cheaper than a map in time, and in memory unless few of many stay.
type pages[T any] struct {
	index map[uint64]*page[T]
	last  *page[T]
	top   uint64 // the highest page; it is kept when it is empty
}

// pageSize is small, because one value that stays keeps a whole page.
const pageSize = 128

type page[T any] struct {
	number uint64
	live   int
	values [pageSize]*T
}

func (s *pages[T]) page(id uint64) *page[T] {
	number := id / pageSize
	if s.last == nil || s.last.number != number {
		p := s.index[number]
		if p == nil {
			return nil
		}
		s.last = p
	}
	return s.last
}

// add gives id, which is none of those before, a value.
func (s *pages[T]) add(id uint64, v *T) {
	p := s.page(id)
	if p == nil {
		p = &page[T]{number: id / pageSize}
		if s.index == nil {
			s.index = map[uint64]*page[T]{}
		}
		if old := s.index[s.top]; old != nil && old.live == 0 {
			delete(s.index, s.top)
		}
		s.index[p.number], s.last, s.top = p, p, p.number
	}
	p.values[id%pageSize] = v
	p.live++
}

// find gives the value of id, nil if there is none. It changes what the next find begins with: not for two goroutines
// at once.
func (s *pages[T]) find(id uint64) *T {
	if p := s.page(id); p != nil {
		return p.values[id%pageSize]
	}
	return nil
}

// after looks for the first value from id on, in no more than so many pages. next is the id to go on with, 0 at the
// end.
func (s *pages[T]) after(id uint64) (next uint64, v *T) {
	for range 64 {
		if id/pageSize > s.top {
			return 0, nil
		}
		p := s.index[id/pageSize]
		if p == nil {
			id = (id/pageSize + 1) * pageSize
			continue
		}
		for ; id/pageSize == p.number; id++ {
			if v := p.values[id%pageSize]; v != nil {
				return id + 1, v
			}
		}
	}
	return id, nil
}

// peek is find for any goroutine that keeps others from adding and removing.
func (s *pages[T]) peek(id uint64) *T {
	if p := s.index[id/pageSize]; p != nil {
		return p.values[id%pageSize]
	}
	return nil
}

func (s *pages[T]) remove(id uint64) {
	p := s.page(id)
	p.values[id%pageSize] = nil
	p.live--
	if p.live == 0 && p.number != s.top {
		delete(s.index, p.number)
		s.last = nil
	}
}
