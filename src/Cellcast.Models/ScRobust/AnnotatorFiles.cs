using System.Security.Cryptography;
using System.Text.Json;
using Cellcast.AnnData;
using Cellcast.Tensors.Io;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScRobust;

/// <summary>A classifier on disk: its encoder as <see cref="ScRobustFiles"/> writes it, <c>classifier.safetensors</c> (the head under its published names) and <c>classifier.json</c> (classes,
/// calibration, how cells are tokenised, hash of the encoder's weights, since a head means nothing to another encoder).</summary>
internal static class AnnotatorFiles
{
    private const string Description = "classifier.json", Weights = "classifier.safetensors";
    private const int SchemaVersion = 1;
    private const string Kind = "scrobust classifier";

    internal static void Save(CellAnnotator annotator, string folder)
    {
        annotator.Model.Save(folder);
        var content = new Content(Kind, SchemaVersion, annotator.Classes, annotator.Temperature, annotator.Threshold, annotator.Genes, annotator.Order, annotator.Seed, HashOf(folder));
        AtomicFile.Write(Path.Combine(folder, Weights), new SafetensorsWriter().AddAll(annotator.Head.ExportState()).Write);
        AtomicFile.WriteText(Path.Combine(folder, Description), JsonSerializer.Serialize(content, ScRobustFiles.Json) + "\n");
    }

    internal static CellAnnotator Load(string folder)
    {
        string description = Path.Combine(folder, Description);
        if (!File.Exists(description))
            throw new InputException($"'{folder}' holds no classifier ({Description} is missing); name a folder that 'cellcast scrobust train' wrote.");
        ScRobustModel model = ScRobustModel.Load(folder);
        try
        {
            Content c = JsonSerializer.Deserialize<Content>(File.ReadAllText(description), ScRobustFiles.Json) ?? throw new JsonException("the file is empty");
            if (c.Model != Kind) throw new InputException($"'{description}' describes '{c.Model}', not a {Kind}.");
            if (c.SchemaVersion > SchemaVersion) throw new InputException($"'{description}' was written by a newer version of cellcast (schema {c.SchemaVersion}); update cellcast.");
            if (c.Classes is not { Count: >= 2 } || c.GenesPerCell < 1 || !(c.Temperature > 0)) throw new JsonException("classes, genes per cell or temperature are missing");
            if (c.EncoderSha256 != HashOf(folder)) throw new InvalidDataException("encoder and classifier are not of the same training");
            var head = new Head(CellAnnotator.HeadName, model.Encoder.Size.Hidden, c.Classes.Count, RandomKey.From(0, "overwritten"));
            using (SafetensorsFile weights = SafetensorsFile.Open(Path.Combine(folder, Weights))) head.ImportState(weights.ReadAll());
            return new CellAnnotator(model, head, c.Classes, c.GenesPerCell, c.Order, c.Seed) { Temperature = c.Temperature, Threshold = c.Threshold };
        }
        catch (Exception e) when (e is JsonException or InvalidDataException or ArgumentException or FileNotFoundException or EndOfStreamException)
        {
            throw new InputException($"'{folder}': the classifier cannot be read ({e.Message.TrimEnd('.')}); train it again.", e);
        }
    }

    private static string HashOf(string folder)
    {
        using var stream = File.OpenRead(Path.Combine(folder, ScRobustFiles.Weights));
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    private sealed record Content(string Model, int SchemaVersion, IReadOnlyList<string> Classes, double Temperature, double Threshold, int GenesPerCell, GeneRanking Order, long Seed, string EncoderSha256);
}
