// report: pictures of what the benchmarks wrote.
//   report [--output DIR] FILE.json...
// Writes DIR/report.html, which holds all pictures, and each of them as a file DIR/NAME.svg. Debian has no library that
// plots from C++, and the few shapes needed here are less than one: svg.hpp writes them.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "report/figures.hpp"
#include "report/svg.hpp"

namespace {

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file{path};
  if (!(file << text).flush()) throw std::runtime_error{"cannot write " + path.string()};
}

std::string page(const std::vector<report::Figure>& all) {
  std::string html = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"/><meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>Millstream benchmarks</title>
<style>
body { font-family: sans-serif; margin: 10px; color: #000; background: #fff; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 360px), 1fr)); gap: 20px; }
figure { margin: 0; max-width: 520px; break-inside: avoid; }
figure svg { width: 100%; height: auto; }
figcaption { font-size: 13px; padding: 0 8px; overflow-wrap: anywhere; }
@media screen and (prefers-color-scheme: dark) {
  body { color: #eee; background: #111; }
  figure svg { filter: invert(0.93); }
}
</style></head><body><h1>Millstream benchmarks</h1><main>
)";
  for (const report::Figure& figure : all) {
    html.append("<figure>").append(figure.svg).append("<figcaption>");
    html.append(report::escape(figure.caption)).append("</figcaption></figure>\n");
  }
  return html.append("</main></body></html>\n");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Pictures of what cost, latency, kafka, state, step_time and peers/run.sh wrote with --json: report.html, which\n"
      "needs nothing beside it, and each picture as an SVG file. Ends with 1 where the pictures cannot be written, and "
      "with 2 where "
      "a file cannot be read"};
  std::string output = ".";
  std::vector<std::string> paths;
  app.add_option("--output", output, "Folder for the files; made where there is none")->capture_default_str();
  app.add_option("FILE", paths, "What the benchmarks wrote; several runs may be given together")->required();
  CLI11_PARSE(app, argc, argv);
  std::vector<report::File> files;
  try {
    for (const std::string& path : paths) files.push_back(report::read(path));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "report: %s\n", error.what());
    return 2;
  }
  try {
    std::filesystem::create_directories(output);
    const std::vector<report::Figure> all = report::figures(files);
    for (const report::Figure& figure : all)
      write_file(std::filesystem::path{output} / (figure.name + ".svg"), figure.svg);
    write_file(std::filesystem::path{output} / "report.html", page(all));
    std::printf("%s: %zu pictures\n", (std::filesystem::path{output} / "report.html").c_str(), all.size());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "report: %s\n", error.what());
    return 1;
  }
  return 0;
}
