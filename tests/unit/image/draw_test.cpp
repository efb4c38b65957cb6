#include "graft/image/draw.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <tuple>

#include "graft/image/label_font.h"

namespace graft::image {
namespace {

constexpr Color kRed{200, 0, 0}, kBlue{0, 0, 200};

Color color_at(const Image& picture, int x, int y) {
  const uint8_t* pixel = picture.at(x, y);
  return {pixel[0], pixel[1], pixel[2]};
}

/// Rows from the top: '#' where a pixel has the colour.
std::string shape(const Image& picture, Color color) {
  std::string rows;
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) rows += color_at(picture, x, y) == color ? '#' : '.';
    rows += '\n';
  }
  return rows;
}

int count(const Image& picture, Color color) {
  const std::string rows = shape(picture, color);
  return static_cast<int>(std::count(rows.begin(), rows.end(), '#'));
}

std::string outline(const Box& box, int line = 1) {
  Image picture(7, 5);
  draw_outline(picture, box, line, kRed);
  return shape(picture, kRed);
}

TEST(DrawOutline, LiesInsideOfTheBox) {
  EXPECT_EQ(outline({1, 1, 6, 4}),
            ".......\n"
            ".#####.\n"
            ".#...#.\n"
            ".#####.\n"
            ".......\n");
  EXPECT_EQ(outline({0.6F, 0.4F, 6.6F, 5.4F}, 2),
            ".######\n"
            ".######\n"
            ".##..##\n"
            ".######\n"
            ".######\n");
}

TEST(DrawOutline, IsCutAtThePictureAndShowsAllSides) {
  EXPECT_EQ(outline({-100, 1, 3, 1e30F}),
            ".......\n"
            "###....\n"
            "#.#....\n"
            "#.#....\n"
            "###....\n");
}

TEST(DrawFrame, SidesOutsideOfThePictureAreNotSeen) {
  Image picture(7, 5);
  draw_frame(picture, -100, 1, 3, 100, 1, kRed);
  EXPECT_EQ(shape(picture, kRed),
            ".......\n"
            "###....\n"
            "..#....\n"
            "..#....\n"
            "..#....\n");
}

TEST(DrawOutline, ThinBoxesStillHaveAPixel) {
  EXPECT_EQ(outline({2.1F, 1, 2.2F, 4}, 3),
            ".......\n"
            "..#....\n"
            "..#....\n"
            "..#....\n"
            ".......\n");
  EXPECT_EQ(outline({6.9F, 4.9F, 7, 5}), ".......\n.......\n.......\n.......\n......#\n");
}

TEST(DrawOutline, NothingOfABoxThatIsNotThere) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  const std::string nothing = outline({7, 0, 9, 3});
  EXPECT_EQ(nothing.find('#'), std::string::npos);
  for (const Box& box : {Box{-5, 0, -1, 3}, Box{0, -9, 3, -2}, Box{0, 5, 3, 9}, Box{nan, 0, 3, 3},
                         Box{0, 0, inf, 3}, Box{5, 1, 2, 4}})
    EXPECT_EQ(outline(box), nothing) << box.x0 << " " << box.y0;
  Image empty;
  draw_boxes(empty, {{{-1, -1, 5, 5}, "x", kRed}}, {});
}

/// What Pillow reads in Debian's file.
TEST(DrawText, IsTheFontPixelByPixel) {
  Image picture(2 * kGlyphWidth, kGlyphHeight);
  draw_text(picture, 0, 0, "Ag", 1, kRed);
  EXPECT_EQ(shape(picture, kRed),
            "..............\n"
            "..............\n"
            ".####.........\n"
            "##..##........\n"
            "##..##........\n"
            "##..##..###.#.\n"
            "######.##..##.\n"
            "##..##.##..##.\n"
            "##..##..####..\n"
            "##..##.##.....\n"
            "##..##..####..\n"
            ".......##..##.\n"
            "........####..\n");
}

TEST(DrawText, GrowsByWholePixels) {
  Image small(kGlyphWidth, kGlyphHeight);
  Image large(3 * kGlyphWidth, 3 * kGlyphHeight);
  draw_text(small, 0, 0, "g", 1, kRed);
  draw_text(large, 0, 0, "g", 3, kRed);
  for (int y = 0; y < large.height; ++y) {
    for (int x = 0; x < large.width; ++x)
      EXPECT_EQ(color_at(large, x, y), color_at(small, x / 3, y / 3)) << x << " " << y;
  }
}

TEST(DrawText, IsCutAtThePicture) {
  Image whole(40, 20);
  draw_text(whole, 5, 4, "Wg", 1, kRed);
  Image part(12, 9);
  draw_text(part, 5 - 8, 4 - 6, "Wg", 1, kRed);
  for (int y = 0; y < part.height; ++y) {
    for (int x = 0; x < part.width; ++x)
      EXPECT_EQ(color_at(part, x, y), color_at(whole, x + 8, y + 6)) << x << " " << y;
  }
}

Glyph glyph_of(std::string_view text) {
  return next_glyph(text);
}

TEST(LabelFont, HasLatinOneAndAQuestionMarkForTheRest) {
  const Glyph unknown = glyph_of("?");
  std::set<Glyph> shapes;
  for (int code = 0x21; code < 0x7F; ++code) shapes.insert(glyph_of(std::string(1, char(code))));
  EXPECT_EQ(shapes.size(), 94U) << "no two alike";
  for (const char* known : {"é", "Ä", "ß", "ñ", "ÿ", "£"}) EXPECT_NE(glyph_of(known), unknown);
  EXPECT_NE(glyph_of("é"), glyph_of("è"));
  for (const char* lacking :
       {"\xC2\x85", "ą", "Я", "猫", "🐈", "\xE9", "\xA9", "\x80", "\n", "\xC3"})
    EXPECT_EQ(glyph_of(lacking), unknown) << lacking;
}

TEST(LabelFont, CountsCharacters) {
  EXPECT_EQ(glyph_count(""), 0);
  EXPECT_EQ(glyph_count("cat 0.93"), 8);
  EXPECT_EQ(glyph_count("Kühe 猫🐈"), 7);
}

TEST(DrawBoxes, APlateStandsAboveItsBoxWithReadableText) {
  Image picture(80, 60);
  draw_boxes(picture, {{{10, 30, 70, 55}, "ab", kRed}}, {.line = 2, .text = 1});
  const int width = 2 * kGlyphWidth + 4;
  for (int y = 30 - kGlyphHeight - 1; y < 30; ++y) {
    for (int x = 10; x < 10 + width; ++x) {
      const Color color = color_at(picture, x, y);
      EXPECT_TRUE(color == kRed || color == kWhite) << x << " " << y;
    }
  }
  Image text(picture.width, picture.height);
  draw_text(text, 12, 30 - kGlyphHeight - 1, "ab", 1, kWhite);
  EXPECT_EQ(shape(picture, kWhite), shape(text, kWhite));
  EXPECT_EQ(color_at(picture, 10 + width, 29), kBlack) << "no further than the text";
  EXPECT_EQ(color_at(picture, 10, 30 - kGlyphHeight - 2), kBlack) << "no higher than a line";
  EXPECT_EQ(color_at(picture, 40, 40), kBlack) << "the object itself is seen";
}

TEST(DrawBoxes, PlatesStayInThePicture) {
  const Image blank(80, 60);
  Image top = blank;
  draw_boxes(top, {{{60, 3, 79, 50}, "abcd", kRed}}, {.line = 1, .text = 1});
  EXPECT_EQ(color_at(top, 79 - 4 * kGlyphWidth, 3), kRed) << "moved to the left, below the border";
  Image text = blank;
  draw_text(text, 80 - (4 * kGlyphWidth + 4) + 2, 3, "abcd", 1, kWhite);
  EXPECT_EQ(shape(top, kWhite), shape(text, kWhite));

  // At scale 2 ten letters would be 148 pixels wide.
  Image wide = blank;
  draw_boxes(wide, {{{0, 40, 30, 59}, "abcdefghij", kRed}}, {.line = 1, .text = 2});
  EXPECT_EQ(color_at(wide, 0, 40 - kGlyphHeight - 1), kRed);
  EXPECT_EQ(color_at(wide, 0, 40 - kGlyphHeight - 2), kBlack) << "text at scale 1";
  Image cut = blank;
  draw_boxes(cut, {{{0, 40, 30, 59}, std::string(100, 'x'), kRed}}, {.line = 1, .text = 1});
  EXPECT_EQ(color_at(cut, 79, 40 - kGlyphHeight - 1), kRed);
}

TEST(DrawBoxes, TheFirstLiesOnTop) {
  Image picture(40, 40);
  draw_boxes(picture, {{{5, 5, 30, 30}, "", kRed}, {{5, 5, 30, 30}, "", kBlue}}, {});
  EXPECT_EQ(count(picture, kRed), 4 * 24);
  EXPECT_EQ(count(picture, kBlue), 0);
}

TEST(DrawStyle, GrowsWithThePicture) {
  const auto style = [](int w, int h) {
    const DrawStyle s = style_for(Image(w, h));
    return std::pair{s.line, s.text};
  };
  EXPECT_EQ(style(1, 1), (std::pair{1, 1}));
  EXPECT_EQ(style(640, 480), (std::pair{2, 1}));
  EXPECT_EQ(style(480, 640), style(640, 480));
  EXPECT_EQ(style(1920, 1080), (std::pair{5, 3}));
}

double distance(Color a, Color b) {
  return std::sqrt(std::pow(a.red - b.red, 2) + std::pow(a.green - b.green, 2) +
                   std::pow(a.blue - b.blue, 2));
}

TEST(ClassColor, IsDistinctAndReadable) {
  std::set<std::tuple<int, int, int>> seen;
  for (int label = 0; label < 1000; ++label) {
    const Color color = class_color(label);
    if (label < 300) seen.insert({color.red, color.green, color.blue});
    const double ground = luminance(color) + 0.05;
    const double ink = luminance(ink_on(color)) + 0.05;
    EXPECT_GE(std::max(ground, ink) / std::min(ground, ink), 4.5) << label;
    EXPECT_GT(luminance(color), 0.05) << label;
    EXPECT_LT(luminance(color), 0.8) << label;
  }
  EXPECT_EQ(seen.size(), 300U);
  for (int a = 0; a < 12; ++a) {
    for (int b = 0; b < a; ++b) EXPECT_GT(distance(class_color(a), class_color(b)), 50) << a << b;
  }
}

TEST(ClassColor, LuminanceIsThatOfWcag) {
  EXPECT_DOUBLE_EQ(luminance(kBlack), 0);
  EXPECT_DOUBLE_EQ(luminance(kWhite), 1);
  EXPECT_NEAR(luminance({255, 0, 0}), 0.2126, 1e-12);
  EXPECT_EQ(ink_on(kWhite), kBlack);
  EXPECT_EQ(ink_on(kBlack), kWhite);
}

}  // namespace
}  // namespace graft::image
