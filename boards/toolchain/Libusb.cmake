# libusb for the agent's USB logger. Gives the target `libusb`, which defines TOCSIN_LIBUSB as 1 or 0 for those that
# link it. The system's, or for the static agent its sources as Debian has them, built here with the netlink back end: no
# libudev, which cannot be linked statically.
option(TOCSIN_LIBUSB "link libusb: the channel usb" ON)
set(LIBUSB_VERSION 1.0.26)
set(_libusb_pool libu/libusb-1.0/libusb-1.0_1.0.26.orig.tar.bz2)
set(_libusb_sha256 12ce7a61fc9854d1d2a1ffe095f7b5fac19ddba095c259e6067a46500381b5a5)

if(NOT TOCSIN_LIBUSB)
  add_library(libusb INTERFACE)
  target_compile_definitions(libusb INTERFACE TOCSIN_LIBUSB=0)
  set(LIBUSB_VERSION "not built in")
  return()
endif()

if(NOT TOCSIN_FOREIGN_LIBC)
  find_path(LIBUSB_INCLUDE libusb.h PATH_SUFFIXES libusb-1.0)
  find_library(LIBUSB_LIBRARY usb-1.0)
  if(NOT LIBUSB_INCLUDE OR NOT LIBUSB_LIBRARY)
    message(FATAL_ERROR "libusb not found: install libusb-1.0-0-dev, or configure with -DTOCSIN_LIBUSB=OFF: the "
      "channel usb is then told as not built in")
  endif()
  add_library(libusb INTERFACE)
  target_include_directories(libusb SYSTEM INTERFACE ${LIBUSB_INCLUDE})
  target_link_libraries(libusb INTERFACE ${LIBUSB_LIBRARY})
  target_compile_definitions(libusb INTERFACE TOCSIN_LIBUSB=1)
  execute_process(COMMAND pkg-config --modversion libusb-1.0 OUTPUT_VARIABLE LIBUSB_VERSION ERROR_QUIET
    OUTPUT_STRIP_TRAILING_WHITESPACE)
  message(STATUS "libusb: ${LIBUSB_LIBRARY}")
  return()
endif()

tocsin_fetch(_libusb_folder ${_libusb_pool} ${_libusb_sha256})
if(NOT _libusb_folder)
  tocsin_without(TOCSIN_LIBUSB libusb ${_libusb_pool} ${_libusb_sha256})
endif()
set(_usb ${_libusb_folder}/libusb-${LIBUSB_VERSION}/libusb)
# What configure would have found out with musl, less the messages: nobody reads them here.
file(WRITE ${CMAKE_BINARY_DIR}/libraries/libusb-config/config.h "#define DEFAULT_VISIBILITY
#define HAVE_ASM_TYPES_H 1
#define HAVE_CLOCK_GETTIME 1
#define HAVE_EVENTFD 1
#define HAVE_NFDS_T 1
#define HAVE_PIPE2 1
#define HAVE_PTHREAD_CONDATTR_SETCLOCK 1
#define HAVE_PTHREAD_SETNAME_NP 1
#define HAVE_SYS_TIME_H 1
#define HAVE_TIMERFD 1
#define PLATFORM_POSIX 1
#define PRINTF_FORMAT(a, b) __attribute__((__format__(__printf__, a, b)))
#define _GNU_SOURCE 1
")
add_library(libusb STATIC ${_usb}/core.c ${_usb}/descriptor.c ${_usb}/hotplug.c ${_usb}/io.c ${_usb}/strerror.c
  ${_usb}/sync.c ${_usb}/os/events_posix.c ${_usb}/os/threads_posix.c ${_usb}/os/linux_usbfs.c
  ${_usb}/os/linux_netlink.c)
target_include_directories(libusb PRIVATE ${CMAKE_BINARY_DIR}/libraries/libusb-config ${_usb}/os)
target_include_directories(libusb SYSTEM PUBLIC ${_usb})
target_compile_options(libusb PRIVATE -w -ffunction-sections -fdata-sections ${TOCSIN_HARDENING})
if(CMAKE_BUILD_TYPE STREQUAL "MinSizeRel")
  include(CheckCCompilerFlag)
  check_c_compiler_flag(-Oz TOCSIN_HAS_OZ)
  target_compile_options(libusb PRIVATE $<$<BOOL:${TOCSIN_HAS_OZ}>:-Oz>)
endif()
target_compile_definitions(libusb PUBLIC TOCSIN_LIBUSB=1)
message(STATUS "libusb: ${_usb}")
