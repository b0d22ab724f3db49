#include "cmd/explain.h"
#include <stddef.h>
#include <string.h>
#include <strings.h>

static const struct explanation entries[] = {
    {
            .code = "integrity.changed",
            .means = "A watched file, folder, link or device is not as the baseline says.",
            .raised = "An event or a sweep found an attribute that differs; the line names each, from what "
                      "to what.",
            .causes = "An upgrade, an edit by an administrator, a program that keeps state in a watched "
                      "place; or "
                      "somebody who replaces programs, adds a key or a rule, or covers tracks.",
            .act = "Find out who did it (the line may name the process). If it was meant: tocsin baseline "
                   "diff PATH, "
                   "then tocsin baseline accept PATH. If not: the file's old hash is in was=; restore it and "
                   "look "
                   "for more.",
            .guard = "A file is read again when it changes while it is read; what is back as it was is told "
                     "as "
                     "integrity.ok.",
    },
    {
            .code = "integrity.added",
            .means = "There is a file in a watched place that the baseline does not know.",
            .raised = "An event or a sweep met a path without an entry.",
            .causes = "An upgrade, a new configuration file, a temporary file of an editor; or something "
                      "that was "
                      "put there to be run or read.",
            .act = "Look at the file before you run anything beside it. Accept it with tocsin baseline "
                   "accept PATH, "
                   "or leave the place out with Ignore when it is no place for constant files.",
            .guard = "What lies below an Ignore path is not looked at.",
    },
    {
            .code = "integrity.gone",
            .means = "A file that the baseline knows is not there.",
            .raised = "An event or a sweep found nothing at the path.",
            .causes = "A package was removed, a file was renamed; or a log, a tool or a guard was deleted.",
            .act = "Restore it, or accept that it is gone: tocsin baseline accept PATH.",
            .guard = "A file that is replaced by renaming is looked at again before it counts as gone.",
    },
    {
            .code = "integrity.setuid",
            .means = "A file gives whoever runs it rights that it did not give before: it is set-uid or "
                     "set-gid "
                     "now, has capabilities, or has another owner.",
            .raised = "An event or a sweep found a regular file, new or changed, with mode 4000 or 2000 or a "
                      "security.capability attribute that the baseline does not have.",
            .causes =
                    "A package with such a program was installed or upgraded, setcap was called; or somebody "
                    "left a way back to root.",
            .act = "Look at mode=, owner= and caps=. Unless you know the program and why it needs that: "
                   "chmod "
                   "a-s or setcap -r it, and look for who put it there.",
            .guard = "Told singly, never put together with others. A file that had these rights in the "
                     "baseline "
                     "and only changed is integrity.changed.",
    },
    {
            .code = "integrity.keys",
            .means = "The keys that may log in by ssh as some user are new or changed.",
            .raised = "The same as integrity.changed or .added, for authorized_keys in a watched .ssh folder "
                      "or "
                      "below /etc/ssh.",
            .causes = "A user or an administrator added or removed a key; or an intruder did.",
            .act = "Compare the file with what its owner knows. Remove keys that nobody can name.",
    },
    {
            .code = "integrity.sudoers",
            .means = "The rules that say who may become another user are new or changed.",
            .raised = "The same as integrity.changed or .added, for /etc/sudoers, /etc/sudoers.d and "
                      "/etc/doas.conf.",
            .causes = "An administrator or a package changed the rules; or somebody made root cheap.",
            .act = "Read the file (visudo -c, sudo -l -U USER). Accept it if you know each rule.",
    },
    {
            .code = "integrity.preload",
            .means = "/etc/ld.so.preload is new or changed: libraries that each program loads first.",
            .raised = "The same as integrity.changed or .added, for that file.",
            .causes =
                    "Hardly ever meant: some hardware and memory allocators use it. User-space rootkits hide "
                    "files and processes by it.",
            .act = "Read it with a static program (busybox cat), not with what it may have changed.",
    },
    {
            .code = "integrity.accounts",
            .means = "The list of users, passwords or groups has changed.",
            .raised = "The same as integrity.changed or .added, for /etc/passwd, shadow, group and gshadow.",
            .causes = "A user or a package's system user was added, a password was changed; or somebody made "
                      "an "
                      "account for later.",
            .act = "Compare with the backups that the tools leave (/etc/passwd-, /etc/shadow-). Look for "
                   "user id "
                   "0, empty passwords and new members of groups such as sudo and docker.",
    },
    {
            .code = "integrity.many",
            .means = "Many files under one directory have changed, are new or are gone; one line stands for "
                     "them.",
            .raised = "More findings about files came than are told singly; they were gathered for some "
                      "seconds "
                      "and put together by directory. The severity is that of the gravest.",
            .causes =
                    "A package upgrade, a copy or a clean-up of a whole tree; or somebody who makes noise to "
                    "hide one change among many.",
            .act = "tocsin status --findings lists them all, tocsin check too. Accept an upgrade with tocsin "
                   "accept --packages, which shows what the upgrade does not explain.",
            .guard = "Setuid files and whatever else is ALRT or worse are never put together with others.",
    },
    {
            .code = "integrity.ok",
            .means = "A finding about a file is over: it is as the baseline says again.",
            .raised = "A look found no difference, or the present state was accepted; of= names the line "
                      "that opened it.",
            .causes = "The file was restored, or the baseline was changed.",
            .act = "Find out which of the two it was.",
    },
    {
            .code = "port.unexpected",
            .means =
                    "A program listens on a port, or has a raw or packet socket, that the configuration does "
                    "not list.",
            .raised = "A socket with no Port line; told at once where the kernel tells of it. In another "
                      "network namespace (port=tcp/80@web) it is a warning.",
            .causes = "A new service, a test server, a program that was never listed; or a back door.",
            .act = "tocsin ports shows who holds it. Stop it, or list it with a Port line.",
            .guard = "UDP ports that the kernel hands out by itself, and raw sockets for ICMP, count only "
                     "after "
                     "ten seconds.",
    },
    {
            .code = "port.gone",
            .means = "Nobody listens on a port that is listed.",
            .raised = "The last socket of a listed port was closed, or none is there at the start.",
            .causes = "The service was stopped or is restarting, or it failed to bind.",
            .act = "Start the service; remove the Port line when it is no longer wanted.",
            .guard = "Port ... any is never missed.",
    },
    {
            .code = "port.wrong",
            .means = "A listed port is held by a program that is not listed for it, or is not where it "
                     "should be.",
            .raised =
                    "A holder of the socket runs none of the listed executables (expected=), it is bound to "
                    "another address (expected-addr=), was opened by another user (expected-uid=), or a "
                    "holder runs in another unit (expected-unit=).",
            .causes =
                    "The service was moved to another executable or is started through a socket unit; or an "
                    "impostor took the port of one that was stopped.",
            .act = "tocsin ports shows the holders. Add the executable to the Port line, or stop it.",
            .guard = "Judged by the executable file, never by the name a process gives itself; a holder that "
                     "may "
                     "not be looked at does not make a port wrong.",
    },
    {
            .code = "port.ok",
            .means = "A finding about a port is over.",
            .raised = "The port is as listed again; of= names the line that opened it.",
            .causes = "The service came back, or the unlisted one ended.",
            .act = "For a short-lived unexpected port: find out who it was; the opening line says.",
    },
    {
            .code = "daemon.down",
            .means = "A daemon that must run does not.",
            .raised = "The last of its processes ended, or none is there at the start.",
            .causes = "It was stopped, crashed or was killed for memory. state=zombie: its parent does not "
                      "take note "
                      "of the end, and so will not start it anew.",
            .act = "Look at its log and at the kernel's for the reason, then start it.",
            .guard = "DaemonGrace SECONDS makes a return within that time a note (daemon.restarted).",
    },
    {
            .code = "daemon.image",
            .means = "What a daemon runs is not the file on disk, or no file at all.",
            .raised = "state=replaced, a note: another file of the same owner lies there now. state=deleted, "
                      "graver: "
                      "nothing lies there. state=scratch or memfd, an alarm: a unit or pid file names a "
                      "process "
                      "that runs from /tmp, /var/tmp, /dev/shm or from memory.",
            .causes = "An upgrade without a restart of the daemon; or the program was exchanged or removed "
                      "behind it, "
                      "or something else was put in its place.",
            .act = "Restart the daemon after an upgrade. Otherwise keep the process: /proc/PID/exe still "
                   "holds what "
                   "it runs.",
            .guard = "Over as soon as the daemon runs what is on disk. A listed executable is right wherever "
                     "it lies.",
    },
    {
            .code = "daemon.stopped",
            .means = "A daemon is there and does not run.",
            .raised = "Two looks in a row saw a process of it stopped by a signal, traced by a debugger, or "
                      "frozen by "
                      "its control group.",
            .causes = "Somebody debugs it or suspended its unit; or it is kept from doing its work without "
                      "the alarm "
                      "that killing it would raise.",
            .act = "state= says which. kill -CONT PID, end the debugger, or thaw the group.",
            .guard = "What lasts less than 0.2 seconds is not told.",
    },
    {
            .code = "daemon.restarted",
            .means = "A daemon ended and was back within the grace.",
            .raised = "Once a return, with the length of the gap; never open.",
            .causes = "A restart by an administrator, an upgrade, or its service manager after a crash.",
            .act = "Nothing, when you did it. Otherwise see why it ended.",
            .guard = "Only told with DaemonGrace, or when the daemon was replaced faster than a look.",
    },
    {
            .code = "daemon.restarts",
            .means = "A daemon restarts again and again.",
            .raised = "More than three restarts within a minute; told once a minute and never open.",
            .causes = "It crashes at its start, its configuration is broken, or somebody kills it each time.",
            .act = "Look at its log.",
            .guard = "Up to three a minute are right.",
    },
    {
            .code = "daemon.up",
            .means = "A finding about a daemon is over.",
            .raised = "It runs, from the file on disk; of= names the line that opened it.",
            .causes = "It was started, continued, or restarted after an upgrade.",
            .act = "Nothing.",
    },
    {
            .code = "mount.rw",
            .means = "A mount that must be read-only can be written.",
            .raised = "layer= says which of mount, superblock and device takes writes.",
            .causes = "Maintenance that was not ended with a remount; or somebody is about to change what "
                      "the mount "
                      "protects. A superblock can be made writable from another mount namespace without any "
                      "event.",
            .act = "mount -o remount,ro PATH; then look at what was written (tocsin check).",
            .guard = "bind leaves the file system's own state out; within window= it is a note.",
    },
    {
            .code = "mount.gone",
            .means = "What must be mounted is not, or another mount hides it.",
            .raised = "Nothing is mounted at the listed place (why=unmounted), or something else covers it "
                      "(why=overmounted).",
            .causes = "It was unmounted, a disk failed; or a false copy was mounted over it.",
            .act = "Mount it again; of what covers it the line names type and source.",
            .guard = "An automount point that is covered by its own mount is right.",
    },
    {
            .code = "mount.added",
            .means = "There is a new mount at, below or above something that is guarded.",
            .raised = "A mount that was not there when the agent started.",
            .causes = "A container, a bind mount of an administrator; or files were hidden or exchanged "
                      "without "
                      "touching them.",
            .act = "Look at it with findmnt PATH; unmount it, or list it with a Mount line and restart the "
                   "agent.",
            .guard = "What is unmounted and mounted again in the same place is not new; Ignore paths do not "
                     "count.",
    },
    {
            .code = "mount.changed",
            .means =
                    "A mount lacks an option, is read-only and should not be, or its file system met errors.",
            .raised = "missing= lists the options; state=ro; why=errors with the count that ext4 has on "
                      "record.",
            .causes = "A remount; a failing disk, after which the kernel takes no more writes.",
            .act = "Remount with the options. For errors: back up, then e2fsck the file system.",
            .guard = "Other options than the listed ones may be there.",
    },
    {
            .code = "mount.ok",
            .means = "A finding about a mount is over.",
            .raised = "The mount is as listed again; of= names the line that opened it.",
            .causes = "It was remounted or mounted again.",
            .act = "For mount.rw: see what was written meanwhile.",
    },
    {
            .code = "package.running",
            .means = "dpkg is at work, and differences of files that it could make wait for it.",
            .raised = "A watched file differs while dpkg's lock is held by pid=.",
            .causes = "An upgrade, an installation; or somebody who holds the lock to win time.",
            .act = "Nothing, when you or unattended-upgrades did it. Otherwise find out who did.",
            .guard = "Changes of modes and owners and new setuid files do not wait; nothing waits longer "
                     "than a "
                     "minute after dpkg's last step, or ten in all.",
    },
    {
            .code = "package.changed",
            .means = "Files differ from the baseline, and are as a package brought them.",
            .raised = "dpkg has done, and the lists and sums that it wrote explain them.",
            .causes = "An upgrade; or somebody who installs a package of his own.",
            .act = "Was this upgrade meant? Then tocsin accept --packages.",
            .guard = "What dpkg's records do not explain is told by itself; so is an explained file that "
                     "changes "
                     "once more.",
    },
    {
            .code = "package.ok",
            .means = "dpkg has done, or what a package changed is in the baseline.",
            .raised = "of= names the line that opened it.",
            .causes = "The end of an upgrade; tocsin accept.",
            .act = "Nothing.",
    },
    {
            .code = "protector.late",
            .means = "Another guard of this machine did not run when it should have.",
            .raised = "The newest log, report or timer stamp of the guard that name= says is older than "
                      "within=, "
                      "is missing (last=never), or lies in the future (why=future).",
            .causes = "Its timer or cron job was switched off, it fails, or its log is kept elsewhere; or "
                      "somebody keeps it from looking.",
            .act = "systemctl list-timers, /etc/cron.daily, then the guard's own log. Protect NAME within= "
                   "sets "
                   "the time or switches the question off.",
            .guard = "Not within two hours of the machine's start: what was missed is made up for then.",
    },
    {
            .code = "protector.ok",
            .means = "A guard that was late has run.",
            .raised = "A newer mark of a run is there; of= names the line that opened it.",
            .causes = "It was started, or its mark was touched.",
            .act = "Read what it found.",
    },
    {
            .code = "process.hidden",
            .means = "The kernel has a process that /proc does not show, or shows falsely.",
            .raised = "from=list: it was missing in three lists while it lived. from=mount: something is "
                      "mounted "
                      "over its folder in /proc, over /proc itself, or over the lists of modules.",
            .causes = "An administrator's experiment with mounts; as a rule a rootkit.",
            .act = "Take the machine off the network and keep it running; copy its memory and disks from "
                   "outside. umount PATH shows again what a mount hides.",
            .guard =
                    "The process is held by its pidfd while it is looked for, so one that comes or goes does "
                    "not count.",
    },
    {
            .code = "process.disguised",
            .means = "A process pretends to be a kernel thread.",
            .raised = "why=kernel_name: its name or first argument is one that only the kernel gives, and it "
                      "runs "
                      "a program. why=kernel_flag: it is marked as kernel thread and was not started by "
                      "kthreadd.",
            .causes = "A miner or a back door that wants to be passed over in ps and top.",
            .act = "Look at the file behind exe=, keep a copy (cp /proc/PID/exe), then kill it and look for "
                   "what "
                   "started it.",
            .guard = "A short list of names that programs do not have; View disguised-processes allow PATH.",
    },
    {
            .code = "process.held",
            .means = "Somebody holds a process of the agent.",
            .raised = "state=traced: a debugger is attached to one of its threads; by= and pid= say which. "
                      "state=stopped: a signal stopped it, and nobody has set it going again. state=limited: "
                      "its resource limits are others than those it began with.",
            .causes = "strace, gdb or prlimit in the hands of an administrator; or somebody reads the "
                      "agent's keys, changes what it does, or keeps it from working without the alarm that "
                      "its death would raise.",
            .act = "Take it for a break-in by root until you know better: whoever traces the core can seal "
                   "in its name from then on. What was told before stands.",
            .guard = "Two processes look at all, each second. View own-processes allow PATH names a "
                     "debugger that is yours.",
    },
    {
            .code = "process.fileless",
            .means = "A process runs from memory, or from a deleted file where anybody may write.",
            .raised = "why=memory: its executable is a memfd. why=deleted: it was in /tmp, /var/tmp or "
                      "/dev/shm and "
                      "is gone.",
            .causes = "A container runtime or a self-extracting program; or an intruder who leaves no file "
                      "behind.",
            .act = "Keep a copy (cp /proc/PID/exe), see who started it (ppid=). Allow it by the path that "
                   "exe= "
                   "shows when it belongs there.",
            .guard = "Deleted files elsewhere are what upgrades leave behind, and do not count.",
    },
    {
            .code = "process.ok",
            .means = "A finding about a process is over.",
            .raised = "The process ended, or it is seen as it should be; of= names the line that opened it.",
            .causes = "It was killed, or did what it came for.",
            .act = "The end of such a process is no reason to close the case.",
    },
    {
            .code = "port.hidden",
            .means = "A port is taken by a socket that the kernel does not list.",
            .raised = "Three times the network found a socket for it that is in no list, in any state.",
            .causes = "As a rule a rootkit that hides its own listener.",
            .act = "Take the machine off the network and keep it running; look at the port from another one "
                   "(nmap -p PORT).",
            .guard = "Before Linux 6.8 bound sockets are not listed: there a TCP port counts only when it "
                     "takes "
                     "connections.",
    },
    {
            .code = "link.promiscuous",
            .means = "A network interface takes packets that are not for this machine.",
            .raised = "More programs or interfaces want it so (count=) than bridges, bonds and what stands "
                      "on it "
                      "explain (expected=).",
            .causes = "tcpdump, an intrusion detector, a virtual machine; or a sniffer that collects "
                      "passwords.",
            .act = "ss -0p lists who holds packet sockets. Allow it by the interface's name when it belongs "
                   "there.",
            .guard = "The count comes from the kernel by netlink; the interface's flags do not show a "
                     "sniffer.",
    },
    {
            .code = "link.ok",
            .means = "A finding about an interface is over.",
            .raised = "Nobody unexplained wants its packets any more; of= names the line that opened it.",
            .causes = "The program has ended.",
            .act = "Find out what ran, if that is not known.",
    },
    {
            .code = "firewall.changed",
            .means = "The nftables rule set was changed.",
            .raised = "At each change of tables, chains, rules, sets or objects; the first at once, others "
                      "of the "
                      "same minute together. state=overrun: there were more than could be counted.",
            .causes =
                    "An administrator, firewalld, a container engine, a ban tool; or an intruder who opens a "
                    "way.",
            .act = "nft list ruleset; by= and pid= name the last process, and exe= its program where it "
                   "still "
                   "ran.",
            .guard = "Elements that come and go in a set do not count by themselves. A name in by= can be "
                     "chosen freely.",
    },
    {
            .code = "kernel.tainted",
            .means = "The kernel notes of itself that it runs foreign code or met an error.",
            .raised = "Open for a flag of foreign code (P F R O E C K U A N J) until it is allowed or the "
                      "machine "
                      "is booted; once for an error (S M B D W L) that comes.",
            .causes = "A driver from elsewhere, a bug, failing hardware; or a rootkit's module: the flag "
                      "stays when "
                      "the module hides itself.",
            .act = "dmesg says what set it. Allow it by its letter when it belongs there.",
            .guard = "Flags that say nothing about the machine's state (I X T) do not count.",
    },
    {
            .code = "kernel.ok",
            .means = "A finding about the kernel is over.",
            .raised = "The machine was booted, or the flag was allowed; of= names the line that opened it.",
            .causes = "As it says.",
            .act = "Nothing, when the boot was meant.",
    },
    {
            .code = "module.loaded",
            .means = "A kernel module was loaded.",
            .raised = "Once, for one that was not there at the last look.",
            .causes = "New hardware, a mount, a firewall rule; or somebody extends the kernel.",
            .act = "modinfo NAME says what it is.",
            .guard = "What was loaded when the agent started is accepted.",
    },
    {
            .code = "module.tainted",
            .means = "A module is loaded that was not built or not signed with this kernel.",
            .raised = "The list of modules gives it flags: O built elsewhere, E not signed, P proprietary, "
                      "F forced.",
            .causes = "A driver of a hardware maker (DKMS); or a rootkit.",
            .act = "modinfo NAME; look at the file's date and owner. Allow it by its name when it belongs "
                   "there.",
    },
    {
            .code = "module.hidden",
            .means = "Of the kernel's two lists of modules only one shows this module.",
            .raised = "from=list: /proc/modules lacks it. from=sysfs: /sys/module does. In three looks.",
            .causes = "As a rule a rootkit that took itself from one list.",
            .act = "Take the machine off the network and keep it running; copy its memory and disks from "
                   "outside.",
            .guard = "A module that is coming or going does not count.",
    },
    {
            .code = "module.ok",
            .means = "A finding about a module is over.",
            .raised = "It was unloaded, or both lists agree; of= names the line that opened it.",
            .causes = "rmmod, a boot; or a rootkit that hides better now.",
            .act = "After module.hidden: go on as if it were there.",
    },
    {
            .code = "account.root",
            .means = "Another name than root has the number 0 and so all rights.",
            .raised = "A line of /etc/passwd says so; password=none when it needs no password either.",
            .causes = "An appliance's spare administrator; or a back door.",
            .act = "Remove the line, see who logged in by it (last). Allow it by its name when it belongs "
                   "there.",
    },
    {
            .code = "account.open",
            .means = "An account asks for no password.",
            .raised = "Its password is empty in /etc/passwd or /etc/shadow.",
            .causes = "passwd -d; or a back door.",
            .act = "passwd -l NAME, and see who logged in by it.",
            .guard = "A locked account (! or *) is not empty.",
    },
    {
            .code = "account.ok",
            .means = "A finding about an account is over.",
            .raised = "The line is gone or mended; of= names the line that opened it.",
            .causes = "It was removed, got a password or another number.",
            .act = "See what was done by it meanwhile.",
    },
    {
            .code = "disk.full",
            .means = "A file system that is watched, or that of the agent's state, is nearly full.",
            .raised = "95, 98 or 100 percent of its blocks or its inodes (what=) are used, not counting what "
                      "is kept for root.",
            .causes = "Logs, dumps, a backup in the wrong place; or somebody fills it so that nothing is "
                      "logged any more. The agent's alarms need no disk.",
            .act = "df PATH, df -i PATH, then du -x. View full-disks allow MOUNTPOINT for one that is always "
                   "full.",
            .guard = "Over below 93 percent. File systems that are read-only, of the network or in user "
                     "space are not asked.",
    },
    {
            .code = "disk.ok",
            .means = "A file system has room again.",
            .raised = "Less than 93 percent are used; of= names the line that opened it.",
            .causes = "Something was deleted.",
            .act = "Find out what it was.",
    },
    {
            .code = "load.high",
            .means = "So much runs on the machine that its guards may come too late.",
            .raised = "In three looks in a row: what=cpu: more than 16 threads for each processor want to "
                      "run. what=processes: 80 percent of the processes that the kernel allows are there. "
                      "what=memory: a fifth of the last ten seconds nobody got on for want of memory, or at "
                      "once: killed=, so many the kernel killed for it.",
            .causes = "A job that went wild, too many requests; or a fork bomb that hides something else or "
                      "is to keep the agent from telling.",
            .act = "top, ps -e --sort=-nlwp. Look at what else was told just before.",
            .guard = "Not what the average says but what is there now, three seconds long; over after ten "
                     "without it. View load allow cpu for a machine that is always like that.",
    },
    {
            .code = "load.ok",
            .means = "The machine is itself again.",
            .raised = "Ten looks in a row were below the limit; of= names the line that opened it.",
            .causes = "Whatever it was has ended.",
            .act = "Find out who started it.",
    },
    {
            .code = "preload.set",
            .means = "A library is put into every program that is started.",
            .raised = "/etc/ld.so.preload names it.",
            .causes = "A logging or memory library of an administrator; or a rootkit of the simple kind.",
            .act = "Do not trust this machine's own tools: look at the library with a static program or from "
                   "outside. Allow it by its path when it belongs there.",
    },
    {
            .code = "preload.ok",
            .means = "A finding about a preloaded library is over.",
            .raised = "/etc/ld.so.preload names it no more; of= names the line that opened it.",
            .causes = "It was removed; what runs already still has it.",
            .act = "Start again what was started meanwhile.",
    },
    {
            .code = "route.lost",
            .means = "The kernel has no way to the receiver.",
            .raised = "No route, a route that refuses (blackhole, unreachable, prohibit), next hops that are "
                      "all "
                      "dead, or a link that is down or without carrier; why= says which. Asked on every "
                      "event and "
                      "each second.",
            .causes = "A cable, a switch, an interface that is configured again; or somebody who cuts the "
                      "machine "
                      "off before he goes on.",
            .act = "tocsin routes; ip route get ADDRESS; look at the cable. The other channels carry on.",
            .guard = "Told at once; over only when the way has stood for two seconds.",
    },
    {
            .code = "route.back",
            .means = "There is a way to the receiver again.",
            .raised = "The route was good for two seconds.",
            .causes = "What ended route.lost.",
            .act = "Nothing, unless nobody mended anything.",
            .guard = "A link that flaps each second stays lost.",
    },
    {
            .code = "route.changed",
            .means = "Packets to the receiver take another way than before.",
            .raised = "Another link, gateway or preferred source; an event, never open.",
            .causes = "A new router, a failover, a VPN that went up; or traffic led past somebody.",
            .act = "tocsin routes shows the way of now.",
            .guard = "Told only when both ways are fit.",
    },
    {
            .code = "net.lost",
            .means = "What the agent reports does not reach the receiver over the network.",
            .raised = "why=route: the way to it has been bad for half a second; why=send: two sends in a row "
                      "failed; why=silence: it has acknowledged nothing for three check-ins and three "
                      "seconds; why=flapping: it is lost more than three times a minute. since= is when it "
                      "began, on the clock behind the @ of the line; waiting= lines are not acknowledged.",
            .causes = "A cable, a switch, a firewall, a receiver that is down; or somebody who keeps the "
                      "alarms from leaving before he goes on.",
            .act = "tocsin routes; belfry status at the receiver. All that waits is kept on disk and goes to "
                   "fallback channels meanwhile.",
            .guard = "The first loss is told at once, again after 1, 5, 30 and 300 s and then each 300 s.",
    },
    {
            .code = "net.back",
            .means = "The receiver acknowledges again; for= is how many seconds it was lost.",
            .raised = "Five acknowledgements in a row over five seconds, with a route that is good.",
            .causes = "What ended net.lost.",
            .act = "Nothing, unless nobody mended anything.",
            .guard = "Who flaps has to be well for longer each time, up to five minutes.",
    },
    {
            .code = "time.step",
            .means = "The clock was set.",
            .raised = "The time of day jumped by a second or more against the clock that nobody can set; an "
                      "event, "
                      "never open.",
            .causes = "A time daemon's first correction, a virtual machine that slept; or somebody who wants "
                      "timestamps to lie.",
            .act = "Compare with the receiver's own time, which each line carries.",
            .guard = "Slow slewing is no step.",
    },
    {
            .code = "channel.lost",
            .means = "A channel of the agent takes nothing; why= says what is known: paper, offline, stuck, "
                     "or "
                     "the kernel's error.",
            .raised = "The device cannot be opened or written, takes no byte for ten seconds, or says itself "
                      "that it cannot print.",
            .causes =
                    "A cable, a powered-off receiver, a terminal server that hung; or somebody cut the line.",
            .act = "Look at the cable and the receiver; tocsin channels shows each, tocsin ring tries it.",
            .guard = "Lines wait and go out when it is back; the receiver alarms by itself on silence.",
    },
    {
            .code = "channel.back",
            .means = "A lost channel takes lines again.",
            .raised = "A line went out; of= names the line that opened it.",
            .causes = "The device is back.",
            .act = "See whether the receiver told of a gap.",
    },
    {
            .code = "channel.tampered",
            .means = "Somebody else has their hands on the device of a channel.",
            .raised =
                    "what=opener: another process has it open (pid= exe=), or had for a moment; over when it "
                    "is closed. Another word: that setting was changed, and is put right already.",
            .causes = "A getty, a modem or UPS daemon, a terminal program, stty on the wrong device; or "
                      "somebody who wants to garble or hold up the alarms.",
            .act = "tocsin channels; find the process, and what else it did. View channel-openers allow PATH "
                   "when it is right.",
            .guard = "The agent's own processes do not count, nor do channels that are shared by what they "
                     "are: "
                     "console, screen, file.",
    },
    {
            .code = "agent.self",
            .means = "Something about the agent itself: a process of its own, an event source, its baseline "
                     "or state.",
            .raised = "proc= state=: a process died, was stopped, hangs or cannot be started. source= "
                      "state=: the kernel does "
                      "not tell "
                      "of something, and passes do the work; state=stuck: a pass waits for a reading "
                      "that does not end; state=unlisted: a directory cannot be listed. check= state=blind: "
                      "a detector cannot guard. "
                      "baseline= state=: its file is missing, damaged, writable by others, changed in place, "
                      "or "
                      "was replaced. image=: what runs is not the file that the baseline has. "
                      "state=ok: it is over.",
            .causes = "Missing rights or kernel features, a full queue; or an attack on the agent.",
            .act = "tocsin status says what is missing and why.",
            .guard = "Processes are started again by themselves; the line stays for you to read.",
    },
    {
            .code = "agent.start",
            .means = "The agent began a session.",
            .raised = "First line of each session; end= says how the one before ended, prev= its last line.",
            .causes = "A boot (another boot=), a restart, or the agent died (end=unclean).",
            .act = "end=unclean without a reason that you know is worth a look.",
    },
    {
            .code = "agent.stop",
            .means = "The agent was asked to end, and did.",
            .raised = "Last line of a session that ended as planned.",
            .causes = "A shutdown or a restart; or root stopped it to be unobserved. why=numbers: 16 million "
                      "lines are a session.",
            .act = "When nobody of you did it: something was about to happen there.",
    },
    {
            .code = "agent.beat",
            .means = "The agent lives.",
            .raised = "Each Beat seconds; open= counts the open findings, al= the newest grave lines.",
            .causes = "Nothing else to say.",
            .act = "Nothing; its absence is belfry.silent.",
    },
    {
            .code = "agent.run",
            .means = "What runs: bin=, conf= and base= are the first 100 bits of the BLAKE3 of the program, "
                     "the "
                     "configuration and the baseline, kernel= is the release, rights= what the processes may "
                     "do.",
            .raised = "Behind agent.start, and again when one changes.",
            .causes =
                    "An upgrade, a changed configuration, an accepted baseline; or somebody who put another "
                    "in its place.",
            .act = "The receiver alarms when one differs from what it pinned (belfry.pin); belfry accept "
                   "HOST "
                   "when that was you.",
            .guard = "The digest of the program is that of the memory it runs from, not of the file.",
    },
    {
            .code = "agent.rekey",
            .means = "The keys of the sessions to come depend on a secret of the connection to the receiver.",
            .raised = "When the session file holds it; at each registration, and each day.",
            .causes = "The receiver asked for it. A copy of the disk from before seals nothing any more.",
            .act = "Nothing.",
            .guard = "Never told before it is stored.",
    },
    {
            .code = "agent.flood",
            .means = "There are more findings than lines may be sent.",
            .raised = "More than ten findings a second wait (n=), or some found no room since the last such "
                      "line "
                      "(dropped=), or lines never got to a channel (lines=). With "
                      "part=spool: n lines found no room on disk and will not go over the network.",
            .causes = "An upgrade of many files without accepting it, an unmounted tree; or noise to hide "
                      "something. With part=spool: a network that was gone for long, or a full disk.",
            .act = "tocsin status --findings lists what is open; tocsin check looks at everything anew.",
            .guard = "Sources take turns and the gravest goes first, so that noise of one kind holds up no "
                     "other.",
    },
    {
            .code = "test.alarm",
            .means = "Somebody ran tocsin ring.",
            .raised = "Once a call.",
            .causes = "A test of the channels.",
            .act = "Acknowledge it.",
    },
    {
            .code = "more",
            .means = "Details that did not fit into the line before.",
            .raised = "of= names the line they belong to.",
            .causes = "Long paths, many attributes.",
            .act = "Read them together; belfry alarms does.",
    },
    {
            .code = "belfry.forged",
            .verdict = "FORGED",
            .means = "A line came in that looks right and that the agent did not seal.",
            .raised = "Whole, checksum good, key known, tag wrong.",
            .causes = "The host was paired again on one side only; it, or belfry's ledger, was restored from "
                      "before the last rekey; somebody has such a copy; or writes lines of their own.",
            .act = "Take the host as compromised until it is explained: who can write to the line can forge, "
                   "who "
                   "has no key cannot.",
            .guard = "A damaged line fails its checksum first and is not called forged.",
    },
    {
            .code = "belfry.clone",
            .verdict = "CLONE",
            .means = "One number, two texts, both proved: the keys are in two places.",
            .raised = "A proved line differs from the one on record with the same number.",
            .causes = "A restored or cloned machine that runs twice; or stolen keys.",
            .act = "Find both; then pair the right one again with --again.",
    },
    {
            .code = "belfry.gap",
            .verdict = "GAP",
            .means = "Numbered lines are missing.",
            .raised =
                    "Numbers did not come for 15 seconds; graver when the agent says an alarm is among them.",
            .causes = "Noise or a short break of the line; or lines were held back.",
            .act = "See what was told around it; with two channels compare both.",
            .guard = "Each line is sent several times, so that a short disturbance leaves no gap.",
    },
    {
            .code = "belfry.silent",
            .verdict = "SILENT",
            .means = "An agent is silent.",
            .raised = "No new proved line for three times the promised beat and five seconds.",
            .causes = "The machine is off or hangs, the line is cut; or the agent was stopped by somebody "
                      "who could.",
            .act = "Go there by another way and look.",
            .guard = "None after a planned end (agent.stop), which is belfry.stopped, and none in a window "
                     "declared with belfry expect.",
    },
    {
            .code = "belfry.skipped",
            .verdict = "SKIPPED-SESSION",
            .means = "Sessions of the agent were never seen here.",
            .raised = "The session number jumped.",
            .causes = "The line was broken while the agent was restarted; or its lines were held back.",
            .act = "See in the machine's own log what it did in that time.",
    },
    {
            .code = "belfry.rollback",
            .verdict = "ROLLBACK",
            .means = "A session number came a second time, or the keys of both ends part.",
            .raised =
                    "A session that began before begins again with another nonce; or the agent has stored a "
                    "rekey that belfry does not have, or that a later session lacks.",
            .causes = "The machine, its state directory or belfry's ledger was restored from a backup or "
                      "snapshot; keys were copied; or somebody with the key for the network stands between.",
            .act = "If it was restored: pair again with --again.",
    },
    {
            .code = "belfry.unclean",
            .verdict = "UNCLEAN-END",
            .means = "The session before ended without a goodbye.",
            .raised = "agent.start says end=unclean.",
            .causes = "A power failure or crash of the machine; or the agent was killed.",
            .act = "boot= of the two sessions says whether the machine restarted.",
    },
    {
            .code = "belfry.spool",
            .verdict = "TAMPERED-SPOOL",
            .means = "Numbers were seen beyond what the agent says it sealed.",
            .raised = "agent.start names a last line of the session before that is lower than one on record.",
            .causes = "The agent's state was changed or restored.",
            .act = "Take the host as compromised until it is explained.",
    },
    {
            .code = "belfry.clock",
            .verdict = "CLOCK",
            .means = "The agent's clock and the receiver's part, or the agent's stepped.",
            .raised = "More than five seconds, in lines that came in order.",
            .causes = "No time daemon, a set clock; or timestamps that shall lie.",
            .act = "Set both clocks; see whether time.step was told.",
            .guard = "Lines that may have waited on their way are given 15 seconds.",
    },
    {
            .code = "belfry.torn",
            .verdict = "TORN",
            .means = "Many damaged lines.",
            .raised = "More than 30 torn line heads in a minute.",
            .causes = "Wrong speed, a bad cable, two writers on one line; or somebody jams it.",
            .act = "Compare speed and frame on both sides; look for another program that writes there.",
            .guard = "What noise explains is repaired or left to the copies.",
    },
    {
            .code = "belfry.flood",
            .verdict = "FLOOD",
            .means = "More holes or lines than the receiver can follow.",
            .raised = "More than 256 holes in a session, or too many lines at once.",
            .causes = "A line that loses most of what is sent; or somebody who writes on it.",
            .act = "See belfry.torn and belfry.forged.",
    },
    {
            .code = "belfry.ledger",
            .means = "The receiver cannot write its ledger.",
            .raised = "A commit failed.",
            .causes = "The disk is full, read-only or failing.",
            .act = "Make room; the transcripts still hold the lines: belfry verify reads them.",
    },
    {
            .code = "belfry.stopped",
            .means = "An agent said goodbye and is not back, and nobody had declared that it would be away.",
            .raised = "No life after a proved agent.stop for as long as silence is given, or when a declared "
                      "window "
                      "ended.",
            .causes = "Maintenance that was not declared; or an intruder who stops the agent the polite way.",
            .act = "Find out who stopped it. Before the next maintenance: belfry expect HOST 20m.",
            .guard = "A restart within that time is no alarm.",
    },
    {
            .code = "line.lost",
            .means = "The receiver lost a line's device.",
            .raised = "It went away, or cannot be opened.",
            .causes = "An adapter was unplugged.",
            .act = "Plug it in; it is taken up by itself.",
    },
    {
            .code = "line.link",
            .means = "A pseudo-terminal's link was removed or replaced.",
            .raised = "The receiver found its link missing or pointing elsewhere.",
            .causes = "A cleanup of that folder; or somebody who wants the lines to go elsewhere.",
            .act = "See who may write there.",
    },
    {
            .code = "line.log",
            .means = "The receiver cannot write a line's transcript.",
            .raised = "A write to the transcript failed.",
            .causes = "The disk is full or failing.",
            .act = "Make room.",
    },
    {
            .code = "line.drop",
            .means = "Bytes of a line are lost; the transcript has the number at their place.",
            .raised = "The serial driver counted bytes that the kernel had no room for, or overruns of the "
                      "UART.",
            .causes = "The receiver stood still for long, or the machine is too slow for its ports.",
            .act = "See what stopped it. A number that is missing from an agent's lines is told as a gap.",
            .guard = "It ends when nothing was lost for a minute.",
    },
    {
            .code = "line.shared",
            .means = "Another program uses a line's device.",
            .raised = "Bytes arrived that the receiver never got, or the settings of the port were changed.",
            .causes = "A terminal program or another console server has the port open.",
            .act = "Find it (fuser DEVICE) and stop it: each byte goes to one reader only.",
            .guard = "The settings are put back each second; it ends when all was well for a minute.",
    },
    {
            .code = "line.noise",
            .means = "A line's bytes come in damaged.",
            .raised = "Sixteen framing or parity errors or more in a minute.",
            .causes = "Another speed or frame at the other end, a bad cable, or no ground.",
            .act = "Compare the settings of both ends.",
            .guard = "Fewer errors are on record and no alarm.",
    },
    {
            .code = "line.break",
            .means = "A break came in on a line.",
            .raised =
                    "The line was held at zero for longer than a byte; told once a minute, with the number.",
            .causes = "Somebody sent one; or the cable was pulled, or the host switched off or on.",
            .act = "Nothing, if the host is well.",
    },
    {
            .code = "line.modem",
            .means = "Modem lines of a port changed.",
            .raised = "CTS, DSR, RI or DCD went on or off.",
            .causes = "The host was switched on or off, or restarted; or the cable was pulled.",
            .act = "Nothing, if the host is well.",
    },
    {
            .code = "OK",
            .verdict = "OK",
            .means = "The line is proved and new.",
            .raised = "For each such line.",
            .causes = "All is well on the way here; what the line says is another matter.",
            .act = "Nothing.",
    },
    {
            .code = "REPAIRED",
            .verdict = "REPAIRED",
            .means = "The line is proved, and was put together from damaged pieces.",
            .raised = "Pieces or copies made a line whose tag is right.",
            .causes = "Noise, or console output of others in between.",
            .act = "Nothing, unless there are many.",
    },
    {
            .code = "DUP",
            .verdict = "DUP",
            .means = "A copy of a line that was proved before.",
            .raised = "For each copy; the agent sends several.",
            .causes = "Copies are sent on purpose.",
            .act = "Nothing.",
    },
    {
            .code = "LATE",
            .verdict = "LATE",
            .means = "A proved line that fills a hole which had been told as a gap.",
            .raised = "It came after 15 seconds.",
            .causes = "A copy came through at last; or a line was held back on its way.",
            .act = "Read it with the time that it carries.",
    },
    {
            .code = "UNKNOWN",
            .verdict = "UNKNOWN",
            .means = "A whole line of which nothing can be said.",
            .raised = "There is no key for its host or session.",
            .causes = "A host that is not paired here, or an old session.",
            .act = "Pair the host: belfry pair HOST.",
    },
};

const struct explanation *
explain_entry(unsigned i)
{
    return i < sizeof(entries) / sizeof(entries[0]) ? &entries[i] : NULL;
}

bool
explain_matches(const struct explanation *e, const char *name)
{
    size_t len = strlen(name);

    return strcmp(e->code, name) == 0 || (e->verdict != NULL && strcasecmp(e->verdict, name) == 0) ||
           (strncmp(e->code, name, len) == 0 && e->code[len] == '.');
}
