// Judges mutants of a top: one model holds them all, and mutsel chooses which is active (0: none). Each is run in a child process on
// the same stimulus until the first thing that a bench would notice.
//
//   judge STIMULUS NUMBERS OUT
//
// NUMBERS: a text file of values of mutsel. OUT gets a line for each: its number, "killed" or "survived", the segment and its cycle
// at the end, a hash of all outputs in all cycles, and what was noticed.
// STIMULUS (sim/mutate/stimulus.py writes it), little-endian: number of segments; each begins with a reset and holds its settings,
// the beats for s_axis, the bytes for c_axis, what must be seen of its network, the beats that must come out, what each tap must
// show, and exact cycles.
// config.h (generated) defines MUTATE_TAPS(T), which lists the taps as T(name, path, bits), MUTATE_LAST where s_axis has TLAST,
// MUTATE_NONE where there are no mutants, MUTATE_IMAGE where networks are loaded through c_axis, and MUTATE_BITS, the meaningful bits of s_axis_tdata.

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "Vtop.h"
#include "Vtop___024root.h"
#include "common.h"
#include "config.h"
#include "verilated.h"

namespace {

enum Flag : uint32_t { PREFIX = 1, STEADY = 2, NOISE = 4 };
enum Kind : uint32_t { OFFERED = 0, INTERVAL = 1, LATENCY = 2, LIVE = 3 };

struct Beat {
    uint64_t data;
    uint32_t last, packets, loaded, opens;  // waits until so many packets left and so many bytes of c_axis were taken
};
struct Byte {
    uint32_t data, last, taken, packets;  // waits until so many samples were taken and so many packets left
};
struct Told {
    uint32_t after, patience, status, loaded, waiting;  // so many cycles after so many bytes
};
struct Word {
    uint32_t word, last;
};
struct Exact {
    uint32_t kind, index;
    uint64_t value;
};
struct Segment {
    uint32_t flags, gap, stall, seed, blocked, stop, drain, patience, frame, bytes_gap;
    std::vector<Beat> beats;
    std::vector<Byte> bytes;
    std::vector<Told> told;
    std::vector<Word> words;
    std::vector<std::vector<uint8_t>> taps;
    std::vector<Exact> exact;
};

#define COUNT(name, path, bits) +1
constexpr size_t TAPS = 0 MUTATE_TAPS(COUNT);

template <typename T>
T take(std::ifstream& in) {
    T value;
    in.read(reinterpret_cast<char*>(&value), sizeof value);
    if (!in) {
        fprintf(stderr, "the stimulus ends early\n");
        exit(2);
    }
    return value;
}

template <typename T>
std::vector<T> several(std::ifstream& in) {
    std::vector<T> values(take<uint32_t>(in));
    in.read(reinterpret_cast<char*>(values.data()), values.size() * sizeof(T));
    return values;
}

std::vector<Segment> read_stimulus(const char* path) {
    std::ifstream in(path, std::ios::binary);
    std::vector<Segment> segments(take<uint32_t>(in));
    for (auto& segment : segments) {
        for (uint32_t* field = &segment.flags; field <= &segment.bytes_gap; ++field) *field = take<uint32_t>(in);
        segment.beats = several<Beat>(in);
        segment.bytes = several<Byte>(in);
        segment.told = several<Told>(in);
        segment.words = several<Word>(in);
        for (size_t i = 0; i < TAPS; ++i) segment.taps.push_back(several<uint8_t>(in));
        segment.exact = several<Exact>(in);
    }
    return segments;
}

struct Chance {  // xorshift64*
    uint64_t state;
    uint32_t next() {
        state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
        return (state * 0x2545F4914F6CDD1DULL) >> 32;
    }
    bool in256(uint32_t share) { return share && (next() >> 24) < share; }
};

class Judge {
  public:
    Judge(uint32_t mutant, int answer) : answer_(answer) {
        context_ = std::make_unique<VerilatedContext>();
        top_ = std::make_unique<Vtop>(context_.get());
#ifdef MUTATE_NONE
        static_cast<void>(mutant);
#else
        top_->mutsel = mutant;
#endif
    }

    void run(const std::vector<Segment>& segments) {
        for (segment_ = 0; segment_ < segments.size(); ++segment_) one(segments[segment_]);
        end("survived", "");
    }

  private:
    void one(const Segment& given) {
        now_ = &given;
        start();
        Chance chance{given.seed * 2 + 1ULL}, noise{given.seed * 2 + 77ULL};
        bool offering = false, sending = false, waiting = false;
        uint32_t held_data = 0, held_last = 0;
        const bool to_the_end = !given.stop;
        for (uint64_t idle = 0, quiet = 0; to_the_end ? quiet < given.drain : cycle_ < given.stop; ++cycle_, ++idle) {
            // Inputs change after the rising edge; outputs are read before the next one.
            if (!offering && sent_ < given.beats.size()) {
                const Beat& beat = given.beats[sent_];
                offering = packets_ >= beat.packets && fed_ >= beat.loaded && !chance.in256(given.gap);
            }
            top_->s_axis_tvalid = offering;
            const uint64_t random = noise.next() | static_cast<uint64_t>(noise.next()) << 32;
            if (offering) {
                uint64_t data = given.beats[sent_].data;
                if (given.flags & NOISE) data = (data & MUTATE_BITS) | (random & ~MUTATE_BITS);
                put(data, given.beats[sent_].last);
            } else if (given.flags & NOISE) {
                put(random, random >> 7 & 1);
            }
            top_->m_axis_tready = cycle_ >= given.blocked && !chance.in256(given.stall);
#ifdef MUTATE_IMAGE
            if (!sending && fed_ < given.bytes.size()) {
                const Byte& byte = given.bytes[fed_];
                sending = sent_ >= byte.taken && packets_ >= byte.packets && !chance.in256(given.bytes_gap);
            }
            top_->c_axis_tvalid = sending;
            if (sending) top_->c_axis_tdata = given.bytes[fed_].data, top_->c_axis_tlast = given.bytes[fed_].last;
#endif
            top_->eval();
            trace();
            const bool valid = top_->m_axis_tvalid, ready = top_->m_axis_tready;
            cross(offering, valid, ready);
            if (waiting && (!valid || top_->m_axis_tdata != held_data || top_->m_axis_tlast != held_last))
                killed("m_axis changed while it waited");
            waiting = valid && !ready, held_data = top_->m_axis_tdata, held_last = top_->m_axis_tlast;
            bool moved = false;
            if (offering && top_->s_axis_tready) {
                if (given.beats[sent_].opens) ++frames_;
                if (whole_.at(sent_)) ++whole_taken_;
                if (frames_) raw_last_.resize(frames_), raw_last_.back() = cycle_;
                ++sent_, offering = false, moved = true;
            } else if (offering && given.flags & STEADY) {
                killed("a sample was not taken in its cycle");
            }
#ifdef MUTATE_IMAGE
            if (sending && top_->c_axis_tready) ++fed_, sending = false, moved = true, fed_at_ = cycle_;
            look();
#endif
            moved |= taps();
            if (valid && ready) result(), moved = true;
            if (moved) idle = 0;
            const bool done = sent_ == given.beats.size() && fed_ == given.bytes.size() && came_ == given.words.size();
            quiet = done && !moved && !valid ? quiet + 1 : 0;
            if (idle > given.patience && !done) killed("it hangs");
            clock();
        }
        if (to_the_end) {
            finish();
        } else {
            ++crosses_["reset with " + std::to_string(flight()) + " windows at work, " + (in_packet_ ? "in" : "between") + " packets"];
        }
    }

    // Beats that end a whole window: the longest frames of a segment are whole.
    void find_whole(const Segment& given) {
        whole_.assign(given.beats.size(), false);
        size_t longest = 0, begins = 0;
        std::vector<std::pair<size_t, size_t>> frames;
        for (size_t i = 1; i <= given.beats.size(); ++i)
            if (i == given.beats.size() || given.beats[i].opens) {
                frames.push_back({i - 1, i - begins});
                longest = std::max(longest, i - begins), begins = i;
            }
        std::string before;
        for (const auto& [end, length] : frames) {
            whole_[end] = length == longest;
            const std::string kind = length < longest ? "broken off" : flat(given, end + 1 - length, end) ? "flat" : "whole";
            if (!before.empty()) ++crosses_["a window that is " + kind + " after one that is " + before];
            before = kind;
        }
    }

    static bool flat(const Segment& given, size_t first, size_t last) {
        for (size_t i = first; i < last; ++i)
            if (given.beats[i].data != given.beats[last].data) return false;
        return true;
    }

    size_t flight() const { return std::min<size_t>(whole_taken_ - packets_, 5); }

    // What the streams do, and how many windows are at work.
    void cross(bool offering, bool valid, bool ready) {
        ++flows_[offering + (offering && top_->s_axis_tready)][valid + (valid && ready)][flight()];
    }

    void start() {
        cycle_ = sent_ = fed_ = came_ = packets_ = frames_ = told_ = offers_ = starts_ = fed_at_ = 0;
        in_packet_ = in_offer_ = false, whole_taken_ = 0;
        find_whole(*now_);
        std::memset(shown_, 0, sizeof shown_), std::memset(beats_of_, 0, sizeof beats_of_);
        header_.clear(), raw_last_.clear(), offered_.clear(), normalised_.clear();
        top_->clk = 0, top_->rst = 1, top_->s_axis_tvalid = 0, top_->m_axis_tready = 0;
#ifdef MUTATE_IMAGE
        top_->c_axis_tvalid = 0;
#endif
        top_->eval(), clock();  // one cycle is enough
        top_->rst = 0;
    }

    void clock() {
        top_->clk = 1, top_->eval();
        top_->clk = 0, top_->eval();
    }

    void put(uint64_t data, uint32_t last) {
        top_->s_axis_tdata = data;
#ifdef MUTATE_LAST
        top_->s_axis_tlast = last;
#endif
    }

    void look() {
#ifdef MUTATE_IMAGE
        for (; told_ < now_->told.size(); ++told_) {
            const Told& one = now_->told[told_];
            if (fed_ < one.after || (fed_ == one.after && cycle_ < fed_at_ + one.patience)) return;
            if (top_->status != one.status) killed("status of the load");
            if (top_->loaded != one.loaded) killed("loaded");
            if (top_->waiting != one.waiting) killed("waiting");
        }
#endif
    }

    void trace() {
        uint64_t seen = top_->s_axis_tready | top_->m_axis_tvalid << 1;
        if (top_->m_axis_tvalid) seen |= static_cast<uint64_t>(top_->m_axis_tdata) << 8 | top_->m_axis_tlast << 2;
#ifdef MUTATE_IMAGE
        seen |= static_cast<uint64_t>(top_->c_axis_tready | top_->loaded << 1 | top_->waiting << 2 | top_->status << 3 |
                                      top_->busy << 6 | top_->overrun << 7 | top_->image << 8)
                << 40;
#endif
        hash_ = (hash_ ^ seen) * 0x100000001B3ULL;
        hash_ ^= hash_ >> 29;
    }

    // What each tap shows must be the next of what it has to show; whether any did.
    bool taps() {
        bool moved = false;
        size_t place = 0;
        auto* root = top_->rootp;
        std::vector<uint8_t> seen;
#define LOOK(name, path, bits)                                                                      \
    if (root->path##tap_##name##_moves) {                                                           \
        seen.clear(), append(seen, root->path##tap_##name, ((bits) + 7) / 8);                       \
        const auto& wanted = now_->taps[place];                                                     \
        if (shown_[place] + seen.size() > wanted.size()) killed("more of tap " #name " than there is"); \
        if (std::memcmp(seen.data(), &wanted[shown_[place]], seen.size())) killed("tap " #name);    \
        shown_[place] += seen.size(), moved = true;                                                 \
        note(#name, beats_of_[place]++, seen);                                                      \
    }                                                                                               \
    ++place;
        MUTATE_TAPS(LOOK)
        return moved;
    }

    void note(const std::string& name, uint64_t count, const std::vector<uint8_t>& seen) {
        if (name == "normalised" && now_->frame && count % now_->frame == 0) normalised_.push_back(cycle_);
        if (name == "result") {
            if (!in_offer_) offered_.push_back(cycle_);
            in_offer_ = !(seen[4] & 1);
        }
    }

    void result() {
        if (came_ == now_->words.size()) killed("a result that nobody asked for");
        const Word& wanted = now_->words[came_++];
        if (!in_packet_) header_.push_back(cycle_);
        if (top_->m_axis_tdata != wanted.word) killed(in_packet_ ? "a beat of a result" : "a result's header");
        if (top_->m_axis_tlast != wanted.last) killed("TLAST");
        in_packet_ = !wanted.last;
        packets_ += wanted.last;
    }

    void finish() {
        for (size_t i = 0; i < TAPS; ++i)
            if (shown_[i] != now_->taps[i].size()) killed("a tap showed less than it had to");
        for (const auto& one : now_->exact) {
            const auto at = [&](const std::vector<uint64_t>& stamps, size_t i) { return i < stamps.size() ? stamps[i] : ~0ULL; };
            const size_t i = one.index;
            uint64_t value = 0;
            if (one.kind == OFFERED) value = at(offered_, i) - at(normalised_, 0);
            if (one.kind == INTERVAL) value = at(header_, i) - at(header_, i - 1);
            if (one.kind == LATENCY) value = at(header_, i) - at(normalised_, i);
            if (one.kind == LIVE) value = at(header_, i) - at(raw_last_, i);
            if (value != one.value) killed("other cycles than predicted");
        }
        if (told_ != now_->told.size()) killed("a load that was not told of");
    }

    [[noreturn]] void killed(const char* why) { end("killed", why); }

    [[noreturn]] void end(const char* verdict, const char* why) {
        char line[256];
        const int length = snprintf(line, sizeof line, "%s %zu %llu %016llx %s", verdict, segment_, (unsigned long long)cycle_,
                                    (unsigned long long)hash_, why);
        write_counts(*context_);
        if (const char* path = getenv("POPBEAT_CROSSES")) {
            std::ofstream out(path);
            for (const auto& [name, count] : crosses_) out << count << ' ' << name << '\n';
            const char* said[] = {"none offered", "waits", "taken"};
            for (size_t in = 0; in < 3; ++in)
                for (size_t of = 0; of < 3; ++of)
                    for (size_t n = 0; n < 6; ++n)
                        out << flows_[in][of][n] << " sample " << said[in] << ", result " << said[of] << ", " << n << " windows at work\n";
        }
        if (::write(answer_, line, length) != length) _exit(3);
        _exit(0);
    }

    std::unique_ptr<VerilatedContext> context_;
    std::unique_ptr<Vtop> top_;
    const Segment* now_ = nullptr;
    int answer_;
    uint64_t hash_ = 0xCBF29CE484222325ULL;
    size_t segment_ = 0, shown_[TAPS + 1], beats_of_[TAPS + 1];
    uint64_t cycle_ = 0, sent_ = 0, fed_ = 0, came_ = 0, packets_ = 0, frames_ = 0, told_ = 0, offers_ = 0, starts_ = 0, fed_at_ = 0;
    bool in_packet_ = false, in_offer_ = false;
    std::vector<uint64_t> header_, raw_last_, offered_, normalised_;
    std::vector<bool> whole_;
    size_t whole_taken_ = 0;
    std::map<std::string, uint64_t> crosses_;
    uint64_t flows_[3][3][6] = {};
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: judge STIMULUS NUMBERS OUT\n");
        return 2;
    }
    const auto segments = read_stimulus(argv[1]);
    std::ifstream numbers(argv[2]);
    FILE* out = fopen(argv[3], "w");
    if (!out) return 2;
    for (uint32_t mutant; numbers >> mutant;) {
        int ends[2];
        if (pipe(ends)) return 2;
        fflush(out);
        const pid_t child = fork();
        if (child < 0) return 2;
        if (child == 0) {
            close(ends[0]);
            if (!freopen("/dev/null", "w", stderr) || !freopen("/dev/null", "w", stdout)) _exit(3);
            alarm(300);  // a loop within a cycle
            Judge(mutant, ends[1]).run(segments);
        }
        close(ends[1]);
        char line[256];
        const ssize_t length = read(ends[0], line, sizeof line);
        close(ends[0]);
        int status = 0;
        waitpid(child, &status, 0);
        if (length > 0) {
            fprintf(out, "%u %.*s\n", mutant, static_cast<int>(length), line);
        } else {
            fprintf(out, "%u killed 0 0 0 the simulation stopped\n", mutant);
        }
    }
    return fclose(out) ? 2 : 0;
}
