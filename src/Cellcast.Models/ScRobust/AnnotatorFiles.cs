using System.Security.Cryptography;
using System.Text.Json;
using Cellcast.AnnData;
using Cellcast.Tensors.Io;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScRobust;

/// <summary>A classifier on disk: its encoder as <see cref="ScRobustFiles"/> writes it, <c>classifier.safetensors</c> (the head under its published names; log odds of the genes and the layer on their evidence) and <c>classifier.json</c> (classes,
/// calibration, how cells are tokenised, hash of the encoder's weights, since a head means nothing to another encoder).</summary>
internal static class AnnotatorFiles
{
    private const string Description = "classifier.json", Weights = "classifier.safetensors";
    private const int SchemaVersion = 3;
    private const string Kind = "scrobust classifier";

    internal static void Save(CellAnnotator annotator, string folder)
    {
        annotator.Model.Save(folder);
        var content = new Content(Kind, SchemaVersion, annotator.Classes, annotator.Temperature, annotator.Threshold, annotator.Genes, annotator.Order, annotator.Seed, HashOf(folder), annotator.UsesEvidence, annotator.Evidence?.Fades ?? false);
        SafetensorsWriter weights = new SafetensorsWriter().AddAll(annotator.Head.ExportState());
        if (annotator.Evidence is { } evidence) weights.AddAll(evidence.ExportState()).Add(GeneEvidence.LogOddsName, evidence.LogOdds).Add(GeneEvidence.LengthName, evidence.Length);
        AtomicFile.Write(Path.Combine(folder, Weights), weights.Write);
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
            GeneEvidence? evidence = null;
            using (SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, Weights)))
            {
                var weights = file.ReadAll();
                head.ImportState(weights);
                if (c.Evidence)
                {
                    if (!weights.TryGetValue(GeneEvidence.LogOddsName, out var odds) || odds.Length != (long)model.Vocabulary.Genes.Count * c.Classes.Count)
                        throw new InvalidDataException($"the weights lack '{GeneEvidence.LogOddsName}' with {c.Classes.Count} numbers for each of {model.Vocabulary.Genes.Count} genes");
                    if (!weights.TryGetValue(GeneEvidence.LengthName, out var length) || length.Length != 1 || !(length.ToScalar() > 0)) throw new InvalidDataException($"the weights lack '{GeneEvidence.LengthName}'");
                    evidence = new GeneEvidence(c.Classes.Count, odds.ToArray(), length.ToScalar(), c.Fading);
                    evidence.ImportState(weights);
                }
            }
            return new CellAnnotator(model, head, evidence, c.Classes, c.GenesPerCell, c.Order, c.Seed) { Temperature = c.Temperature, Threshold = c.Threshold };
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

    private sealed record Content(string Model, int SchemaVersion, IReadOnlyList<string> Classes, double Temperature, double Threshold, int GenesPerCell, GeneRanking Order, long Seed, string EncoderSha256, bool Evidence = false, bool Fading = false);
}
