#!/usr/bin/env python3
"""image_check ELF MAP BUILD [--stack BYTES] [--flash BYTES] [--ram BYTES]: what a firmware image may not be.

Too large, in flash or in RAM, the stack included. Too deep: the worst case is the deepest way from image_start plus the
deepest interrupt plus the fault handler's frame, from gcc's call graphs and stack sizes (-fcallgraph-info=su), for the
compiler's own library from its machine code. A call through a pointer may go to any function of the same file whose
address stands somewhere in the image; an address that is taken where no such call is made is refused, and so are
recursion and a stack of unknown size. After boot2 nothing may branch or point to flash, and BLAKE3 is no part of a recorder.
"""
import argparse
import pathlib
import re
import subprocess
import sys

ROOT = "image_start"
HANDLERS = re.compile(r"_interrupt$")
FRAME = 32 + 4  # what an exception pushes, and its alignment (ARMv6-M, B1.5.7)
FLASH = range(0x10000000, 0x14000000)
FORBIDDEN_NAMES = ("blake3",)
# Neither is entered by a call: boot2 uses no stack, and fault_entry begins a new one.
NO_STACK = ("boot2", "fault_entry")
# Their addresses are taken by start.c, which jumps to them.
ENTERED = ("fault_record", "fault_entry", "image_start", "main")
VECTORS = 16 + 26  # words


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def functions(elf):
    """(address with its Thumb bit, name) of each."""
    rows = re.findall(r"^\s*\d+: ([0-9a-f]{8})\s+\d+ FUNC\s+\S+\s+\S+\s+\S+\s+(\S+)$", run("arm-none-eabi-readelf", "-sW", elf),
                      re.M)
    return [(int(at, 16) | 1, title) for at, title in rows]


def call_graph_files(map_file, build):
    """The .ci beside every object that the linker took."""
    text = pathlib.Path(map_file).read_text()
    objects = set(re.findall(r"^LOAD (\S+\.obj)$", text, re.M))
    members = set(re.findall(r"(\S+?)lib(\w+)\.a\((\S+?)\.obj\)", text))
    for folder, library, member in members:
        found = list((build / folder / "CMakeFiles" / f"{library}.dir").glob(f"**/{member}.obj"))
        if found:
            objects.add(str(found[0].relative_to(build)))
    for name in objects:
        path = (build / name).with_suffix(".ci")
        if path.exists():
            yield path
        elif not name.endswith(".S.obj"):
            sys.exit(f"image_check: {name} has no call graph beside it: was a compiler cache used?")


FILES = {}  # of the functions that are seen outside their file, whose title does not say it


def file_of(title):
    return title.rsplit(":", 1)[0] if ":" in title else FILES.get(title)


def read_call_graphs(files):
    sizes, calls = {}, {}
    for path in files:
        text = path.read_text()
        source = re.match(r'graph: \{ title: "([^"]+)"', text)[1]
        for title, label in re.findall(r'node: \{ title: "([^"]+)" label: "([^"]+)"', text):
            size = re.search(r"(\d+) bytes \((\w+)", label)
            if size is None:
                continue
            if size[2] != "static":
                sys.exit(f"image_check: the stack of {title} has no fixed size")
            sizes[title] = int(size[1])
            FILES[title] = source
        for source, target in re.findall(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"', text):
            calls.setdefault(source, set()).add(target)
    return sizes, calls


def read_machine_code(elf, sizes, calls):
    """Functions without a call graph: all they push, all they take off the stack, all they call."""
    known = {title.rsplit(":", 1)[-1] for title in sizes}
    name = None
    for line in run("arm-none-eabi-objdump", "-d", "--no-show-raw-insn", "-j", ".image", elf).splitlines():
        head = re.match(r"^[0-9a-f]+ <([^>]+)>:$", line)
        if head:
            name = None if head[1] in known or head[1] in NO_STACK or head[1].startswith("$") else head[1]
            if name:
                sizes.setdefault(name, 0)
            continue
        if name is None:
            continue
        if push := re.search(r"\tpush\t\{([^}]*)\}", line):
            for part in push[1].split(","):
                ends = re.match(r"\s*r(\d+)-r(\d+)", part)
                sizes[name] += 4 * (int(ends[2]) - int(ends[1]) + 1 if ends else 1)
        if sub := re.search(r"\tsub\tsp, #(\d+)", line):
            sizes[name] += int(sub[1])
        if call := re.search(r"\t(?:bl|b\.n|b\.w|b)\t[0-9a-f]+ <([^>+]+)>", line):
            if call[1] != name:
                calls.setdefault(name, set()).add(call[1])
    # One function, several names: the listing has one of them.
    places = {}
    for at, title in functions(elf):
        places.setdefault(at, []).append(title)
    for titles in places.values():
        first = next((title for title in titles if title in sizes), None)
        for title in titles:
            if first is not None and title not in sizes and title not in known:
                sizes[title], calls[title] = sizes[first], calls.get(first, set())


def words_of(elf):
    """What may be an address: the words behind the vectors, in functions only those that are no code. Two instructions can
    have the bits of one."""
    code = set()
    for at, size in re.findall(r"^\s*\d+: ([0-9a-f]{8})\s+(\d+) FUNC", run("arm-none-eabi-readelf", "-sW", elf), re.M):
        code.update(range(int(at, 16) & ~3, (int(at, 16) & ~1) + int(size), 4))
    listing = run("arm-none-eabi-objdump", "-d", "-z", "-j", ".image", elf)
    pools = {int(at, 16) for at in re.findall(r"^\s*([0-9a-f]+):.*\t\.word\t", listing, re.M)}
    first = sections(elf)[".image"][1] + 4 * VECTORS
    rows = re.findall(r"^ ([0-9a-f]{8}) ((?:[0-9a-f]{8} ?){1,4})", run("arm-none-eabi-objdump", "-s", "-j", ".image", elf),
                      re.M)
    for start, row in rows:
        for at, word in enumerate(row.split()):
            at = int(start, 16) + 4 * at
            if at >= first and (at not in code or at in pools):
                yield int.from_bytes(bytes.fromhex(word), "little")


def resolve_pointers(elf, sizes, calls):
    """Replace each __indirect_call by the functions it may mean."""
    names = {}
    for at, title in functions(elf):
        names.setdefault(at, set()).add(title)
    taken = set().union(*(names.get(word, set()) for word in words_of(elf)))
    callers = [title for title, callees in calls.items() if "__indirect_call" in callees]
    files = {file_of(title) for title in callers}
    for title in callers:
        own = {callee for callee in sizes if callee.rsplit(":", 1)[-1] in taken and ":" in callee
               and file_of(callee) == file_of(title)}
        calls[title] = (calls[title] - {"__indirect_call"}) | own
    for title in sizes:
        name = title.rsplit(":", 1)[-1]
        if name in taken and name not in ENTERED and file_of(title) not in files:
            sys.exit(f"image_check: the address of {title} is taken, and nothing in its file calls through a pointer")


class Depth:
    def __init__(self, elf, sizes, calls):
        self.sizes, self.calls = sizes, calls
        self.linked = set(run("arm-none-eabi-nm", "--format=just-symbols", elf).split())
        self.known = {}

    def of(self, name, way=()):
        """(bytes, the way that needs them) from name downwards."""
        if name in way:
            sys.exit(f"image_check: recursion: {' -> '.join(way[way.index(name):] + (name,))}")
        if name not in self.known:
            if name not in self.sizes:
                sys.exit(f"image_check: {name}, called by {way[-1] if way else 'nobody'}, has no known stack")
            # The graph has calls of the compiler's own library that were optimized away behind it.
            callees = [callee for callee in self.calls.get(name, ()) if callee in self.sizes or callee in self.linked]
            below = max((self.of(callee, way + (name,)) for callee in callees), default=(0, ()))
            self.known[name] = (self.sizes[name] + below[0], (name,) + below[1])
        return self.known[name]


def check_stack(args, build):
    sizes, calls = read_call_graphs(call_graph_files(args.map, build))
    read_machine_code(args.elf, sizes, calls)
    resolve_pointers(args.elf, sizes, calls)
    depth = Depth(args.elf, sizes, calls)
    main = depth.of(ROOT)
    handlers = [depth.of(name) for name in sizes if HANDLERS.search(name) and ":" not in name]
    deepest = max(handlers)
    total = main[0] + FRAME + deepest[0] + FRAME
    for title, (bytes_, way) in (("main", main), ("interrupt", deepest)):
        print(f"stack, {title}: {bytes_} bytes: "
              + " > ".join(f"{step.rsplit(':', 1)[-1]} {sizes[step]}" for step in way))
    print(f"stack: {total} bytes of {args.stack} at worst")
    return total <= args.stack


def sections(elf):
    rows = re.findall(r"^\s*\d+ (\S+)\s+([0-9a-f]+)\s+([0-9a-f]+)", run("arm-none-eabi-objdump", "-h", elf), re.M)
    return {name: (int(size, 16), int(at, 16)) for name, size, at in rows}


def check_size(args):
    part = sections(args.elf)
    flash = part[".boot2"][0] + part[".image"][0]
    ram = part[".stack"][0] + part[".image"][0] + part[".bss"][0]
    print(f"image: {flash} bytes of {args.flash} in flash")
    print(f"RAM: {ram} bytes of {args.ram}, of them {part['.image'][0]} image, {part['.bss'][0]} data, "
          f"{part['.stack'][0]} stack")
    return flash <= args.flash and ram <= args.ram and part[".stack"][0] == args.stack


def check_no_flash(args):
    """No branch to flash, and no word that points to what is linked there."""
    good = True
    # Only boot2 has addresses there. Other words that look like one are parts of what gcc calculates with.
    linked = range(FLASH.start, FLASH.start + sections(args.elf)[".boot2"][0])
    listing = run("arm-none-eabi-objdump", "-d", "-j", ".image", args.elf)
    for line in listing.splitlines():
        target = re.search(r"\tb\w*(?:\.n|\.w)?\t([0-9a-f]{8}) ", line)
        if target and int(target[1], 16) in FLASH:
            print(f"branch to flash: {line.strip()}")
            good = False
        word = re.search(r"\.word\t0x([0-9a-f]{8})", line)
        if word and int(word[1], 16) in linked:
            print(f"address in flash: {line.strip()}")
            good = False
    branches = len(re.findall(r"\tbl\t", listing))
    print(f"flash: {branches} calls, none to 0x10000000 and on")
    return good and branches > 0


def check_names(args):
    names = run("arm-none-eabi-nm", args.elf).lower()
    found = [name for name in FORBIDDEN_NAMES if name in names]
    print(f"names: {'none' if not found else ' '.join(found)} of {' '.join(FORBIDDEN_NAMES)}")
    return not found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("elf")
    parser.add_argument("map")
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--stack", type=int, default=2048)
    parser.add_argument("--flash", type=int, default=32 * 1024)
    parser.add_argument("--ram", type=int, default=64 * 1024)
    args = parser.parse_args()
    checks = {"size": check_size(args), "stack": check_stack(args, args.build), "flash": check_no_flash(args),
              "names": check_names(args)}
    refused = [what for what, good in checks.items() if not good]
    if refused:
        print(f"refused: {' '.join(refused)}")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
