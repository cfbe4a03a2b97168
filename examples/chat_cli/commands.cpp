#include <algorithm>
#include <array>

#include "app.hpp"

namespace chat_cli {

/// What a line that begins with a slash can say.
struct Command {
  using Words = std::vector<std::string>;
  std::string_view name;
  std::string_view usage;  ///< what follows the name
  void (*run)(App& app, const Words& words);

  static const Command* find(std::string_view name);
  static std::string help();
  static const std::array<Command, 47> kAll;
};

const std::array<Command, 47> Command::kAll{{
    {"/to", "USER", [](App& app, const Words& words) { app.talk_to(joined(words, 0, words.size())); }},
    {"/group", "ID", [](App& app, const Words& words) { app.group_ = joined(words, 0, words.size()); }},
    {"/conversations", "[N]", [](App& app, const Words& words) { app.list_conversations(words); }},
    {"/history", "[N]", [](App& app, const Words& words) { app.history(words); }},
    {"/read", "", [](App& app, const Words&) { app.mark_all_read(); }},
    {"/seen", "[SEQ]", [](App& app, const Words& words) { app.list_receipts(words); }},
    {"/typing", "",
     [](App& app, const Words&) {
       if (app.talking()) app.client_->typing(app.current(), true);
     }},
    {"/edit", "SEQ TEXT", [](App& app, const Words& words) { app.edit(words); }},
    {"/delete", "SEQ me|everyone", [](App& app, const Words& words) { app.remove(words); }},
    {"/react", "SEQ EMOJI", [](App& app, const Words& words) { app.react(words, true); }},
    {"/unreact", "SEQ EMOJI", [](App& app, const Words& words) { app.react(words, false); }},
    {"/pin-message", "SEQ", [](App& app, const Words& words) { app.pin_message(words, true); }},
    {"/unpin-message", "SEQ", [](App& app, const Words& words) { app.pin_message(words, false); }},
    {"/clear", "[SEQ]", [](App& app, const Words& words) { app.clear(words); }},
    {"/mute", "[SECONDS]", [](App& app, const Words& words) { app.mute(words); }},
    {"/unmute", "",
     [](App& app, const Words&) {
       if (app.talking()) app.client_->mute_conversation(app.current(), 0, app.group_done("unmuted"));
     }},
    {"/archive", "", [](App& app, const Words&) { app.archive(true); }},
    {"/unarchive", "", [](App& app, const Words&) { app.archive(false); }},
    {"/pin", "", [](App& app, const Words&) { app.pin(true); }},
    {"/unpin", "", [](App& app, const Words&) { app.pin(false); }},
    {"/create", "ID NAME MEMBER… OPTION…", [](App& app, const Words& words) { app.create(words); }},
    {"/set", "OPTION…", [](App& app, const Words& words) { app.change_group(words); }},
    {"/rename", "NAME", [](App& app, const Words& words) { app.rename(words); }},
    {"/members", "", [](App& app, const Words&) { app.list_members(); }},
    {"/add", "USER…", [](App& app, const Words& words) { app.add_members(words); }},
    {"/remove", "USER…", [](App& app, const Words& words) { app.remove_members(words); }},
    {"/role", "USER member|admin|owner", [](App& app, const Words& words) { app.set_role(words); }},
    {"/leave", "", [](App& app, const Words&) { app.leave_group(); }},
    {"/delete-group", "", [](App& app, const Words&) { app.delete_group(); }},
    {"/who", "[USER…]", [](App& app, const Words& words) { app.ask_presence(words); }},
    {"/status", "online|away|dnd [TEXT]", [](App& app, const Words& words) { app.status(words); }},
    {"/settings", "", [](App& app, const Words&) { app.settings(); }},
    {"/receipts", "on|off", [](App& app, const Words& words) { app.receipts(words); }},
    {"/privacy", "online|lastseen everyone|contacts|nobody",
     [](App& app, const Words& words) { app.privacy(words); }},
    {"/devices", "", [](App& app, const Words&) { app.list_devices(); }},
    {"/remove-device", "DEVICE", [](App& app, const Words& words) { app.remove_device(words); }},
    {"/contact", "USER…", [](App& app, const Words& words) { app.change_contacts(words, true); }},
    {"/uncontact", "USER…", [](App& app, const Words& words) { app.change_contacts(words, false); }},
    {"/block", "USER…", [](App& app, const Words& words) { app.change_blocks(words, true); }},
    {"/unblock", "USER…", [](App& app, const Words& words) { app.change_blocks(words, false); }},
    {"/name", "TEXT", [](App& app, const Words& words) { app.take_name(words); }},
    {"/screen", "on|off",
     [](App& app, const Words& words) { app.client_->set_foreground(words != Words{"off"}); }},
    {"/token", "FILE", [](App& app, const Words& words) { app.refresh_token(words); }},
    {"/offline", "", [](App& app, const Words&) { app.client_->disconnect(); }},
    {"/online", "", [](App& app, const Words&) { app.client_->connect(); }},
    {"/wait", "TEXT SECONDS", [](App& app, const Words& words) { app.wait(words); }},
    {"/quit", "", [](App& app, const Words&) { app.quit_ = true; }},
}};

const Command* Command::find(std::string_view name) {
  const auto at =
      std::find_if(kAll.begin(), kAll.end(), [&](const Command& command) { return command.name == name; });
  return at == kAll.end() ? nullptr : &*at;
}

std::string Command::help() {
  std::string out;
  for (const Command& command : kAll) {
    out += command.name;
    if (!command.usage.empty()) out.append(" ").append(command.usage);
    out += "  ";
  }
  return out +
         "anything else is sent. SEQ: a number that was shown, or last (for /edit and /delete: your own "
         "last). "
         "OPTION: send=admins (a broadcast channel), add=everyone, edit=everyone, history=all, slow=SECONDS. "
         "/screen off: the server may notify this device.";
}

void App::command(const std::string& name, const Words& words) {
  const Command* command = Command::find(name);
  if (command == nullptr) return printer_.line(Command::help());
  command->run(*this, words);
}

}  // namespace chat_cli
