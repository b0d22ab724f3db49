# The static agent: x86-64 static-pie against musl.
#
# Where musl is the system's own libc, the system's compiler can link one, and the system's libraries are used.
set(TOCSIN_STATIC ON)
# Nothing unwinds the stack of the agent: the tables for it would be a tenth of the program.
set(_no_tables "-fno-asynchronous-unwind-tables -fno-unwind-tables")
# Data no further apart than it needs to be.
set(_dense "-malign-data=abi")
set(_link "-Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code -Wl,--gc-sections -Wl,--build-id=none,-O2")
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
execute_process(COMMAND cc -dumpmachine OUTPUT_VARIABLE _machine ERROR_QUIET)
if(_machine MATCHES "musl")
  set(CMAKE_C_FLAGS_INIT "${_no_tables}")
  set(CMAKE_EXE_LINKER_FLAGS_INIT "-static-pie ${_link}")
  return()
endif()

# Else Debian's musl with its own gcc, and libraries that are fetched. musl-gcc -static-pie silently makes a dynamic
# binary (its specs always name Scrt1.o and an interpreter), so the specs here name rcrt1.o and none.
set(TOCSIN_FOREIGN_LIBC ON)
set(TOCSIN_PACKED_START "${CMAKE_CURRENT_LIST_DIR}/packed_start.c")
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER x86_64-linux-gnu-gcc)
set(CMAKE_ASM_COMPILER ${CMAKE_C_COMPILER})

# Kernel headers through three links: the whole of /usr/include would bring glibc's own along.
set(_uapi "${CMAKE_BINARY_DIR}/uapi")
if(NOT EXISTS "${_uapi}/linux")
  file(MAKE_DIRECTORY "${_uapi}")
  file(CREATE_LINK /usr/include/linux "${_uapi}/linux" SYMBOLIC)
  file(CREATE_LINK /usr/include/asm-generic "${_uapi}/asm-generic" SYMBOLIC)
  file(CREATE_LINK /usr/include/x86_64-linux-gnu/asm "${_uapi}/asm" SYMBOLIC)
endif()

# -specs may stand once on a command line, and C flags are on the link line too.
set(_specs "${CMAKE_CURRENT_LIST_DIR}/musl-static-pie.specs")
set(CMAKE_C_FLAGS_INIT "-specs=${_specs} -idirafter ${_uapi} ${_no_tables} ${_dense}")
set(CMAKE_ASM_FLAGS_INIT "-specs=${_specs}")
set(CMAKE_EXE_LINKER_FLAGS_INIT "${_link}")
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY NEVER)
