# How every library and test of the project is declared, so that flags and export rules stand in one place.

# Compile options for our own code only; nothing of this reaches a consumer.
add_library(chatcore_private_options INTERFACE)
target_compile_options(chatcore_private_options INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # g++ 12 takes the unused side of a moved std::variant for uninitialized as soon as it optimizes.
  target_compile_options(chatcore_private_options INTERFACE $<$<NOT:$<CONFIG:Debug>>:-Wno-maybe-uninitialized>)
endif()
if(CHATCORE_WERROR)
  target_compile_options(chatcore_private_options INTERFACE -Werror)
endif()

# chatcore_add_component(<name> SOURCES … [PUBLIC_LIBS …] [PRIVATE_LIBS …] [INCLUDE_DIR dir])
# makes the library chatcore_<name>, alias chatcore::<name>, an installable component of the package.
# What its consumers must find follows from the libraries it links; see ChatcoreInstall.cmake.
function(chatcore_add_component name)
  cmake_parse_arguments(ARG "" "INCLUDE_DIR" "SOURCES;PUBLIC_LIBS;PRIVATE_LIBS" ${ARGN})
  add_library(chatcore_${name} ${ARG_SOURCES})
  add_library(chatcore::${name} ALIAS chatcore_${name})
  target_compile_features(chatcore_${name} PUBLIC cxx_std_20)
  set_target_properties(chatcore_${name} PROPERTIES
    EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  if(BUILD_SHARED_LIBS)
    target_compile_definitions(chatcore_${name} PUBLIC CHATCORE_SHARED)
  endif()
  target_include_directories(chatcore_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  if(ARG_INCLUDE_DIR)
    target_include_directories(chatcore_${name} PUBLIC $<BUILD_INTERFACE:${ARG_INCLUDE_DIR}>)
    set_property(GLOBAL PROPERTY CHATCORE_INCLUDE_DIR_${name} ${ARG_INCLUDE_DIR})
  endif()
  # Header-only and used inside only: a consumer has no need of it.
  list(TRANSFORM ARG_PRIVATE_LIBS REPLACE "^(nlohmann_json::nlohmann_json)$" "$<BUILD_INTERFACE:\\1>")
  target_link_libraries(chatcore_${name}
    PUBLIC ${ARG_PUBLIC_LIBS}
    PRIVATE ${ARG_PRIVATE_LIBS} $<BUILD_INTERFACE:chatcore_private_options>)
  set_property(GLOBAL APPEND PROPERTY CHATCORE_COMPONENTS ${name})
endfunction()

# chatcore_add_test(<name> SOURCES … [LIBS …]): a doctest executable, registered with ctest.
function(chatcore_add_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES} ${PROJECT_SOURCE_DIR}/tests/unit/main.cpp)
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} doctest::doctest chatcore_private_options)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 300)
endfunction()
