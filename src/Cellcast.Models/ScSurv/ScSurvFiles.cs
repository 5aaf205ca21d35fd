using System.Text.Json;
using System.Text.Json.Serialization;
using Cellcast.AnnData;
using Cellcast.Survival;
using Cellcast.Tensors;
using Cellcast.Tensors.Io;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScSurv;

/// <summary>
/// A trained model on disk: <c>model.json</c> (settings, sizes, names), <c>weights.safetensors</c> (the published state dict's names, layers as
/// outputs x inputs), <c>reference.safetensors</c> (posterior of the reference cells, baseline hazard, mean profile of the cohort), which
/// prediction needs besides the weights, and, unless the method is the published one, <c>contributions.safetensors</c> (<see cref="ContributionFiles"/>).
/// </summary>
internal static class ScSurvFiles
{
    internal const string Description = "model.json";
    private const string Weights = "weights.safetensors", Reference = "reference.safetensors";
    // 1: a model of the published method, as before there was another; 2: with contributions.safetensors.
    private const int PublishedSchema = 1, SchemaVersion = 2;

    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals, Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) } };

    internal static void Save(ScSurvModel model, string folder)
    {
        RiskScale risk = model.Risk ?? throw new InvalidOperationException("a model without a risk scale cannot predict: collect the results first");
        var content = new Content("scsurv", model.Contributions is null ? PublishedSchema : SchemaVersion, model.Module.Sizes, model.Options, model.Genes, model.Samples, model.Patients, risk.Center, risk.Median, model.Contributions?.Types, model.Clinical, model.LearnedFrom is [] ? null : model.LearnedFrom);
        AtomicFile.WriteText(Path.Combine(folder, Description), JsonSerializer.Serialize(content, s_json) + "\n");
        AtomicFile.Write(Path.Combine(folder, Weights), new SafetensorsWriter().AddAll(model.Module.ExportState()).Write);
        if (model.Contributions is { } contributions) AtomicFile.Write(Path.Combine(folder, ContributionFiles.File), ContributionFiles.Tensors(contributions).Write);
        Posterior p = model.Posterior;
        AtomicFile.Write(Path.Combine(folder, Reference), new SafetensorsWriter()
            .Add("mu", p.Mu, p.Cells, p.Latent)
            .Add("sigma", p.Sigma, p.Cells, p.Latent)
            .Add("sample", p.SampleOf, p.Cells)
            .Add("bulk_profile", model.BulkProfile, model.BulkProfile.Length)
            .Add("baseline_time", risk.Hazard.Times.ToArray(), risk.Hazard.Times.Count)
            .Add("baseline_log_cumulative_hazard", risk.Hazard.LogCumulativeHazard.ToArray(), risk.Hazard.Times.Count)
            .Write);
    }

    internal static ScSurvModel Load(string folder, Device device)
    {
        string description = Path.Combine(folder, Description);
        if (!File.Exists(description)) throw new InputException($"'{folder}' holds no trained model ({Description} is missing); name the folder 'model' that 'cellcast scsurv fit' wrote.");
        try
        {
            Content c = JsonSerializer.Deserialize<Content>(File.ReadAllText(description), s_json) ?? throw new JsonException("the file is empty");
            if (c.Model != "scsurv") throw new InputException($"'{description}' describes a model of kind '{c.Model}', not scsurv.");
            if (c.SchemaVersion > SchemaVersion) throw new InputException($"'{description}' was written by a newer version of cellcast (schema {c.SchemaVersion}); update cellcast.");
            var module = new ScSurvModule(c.Sizes, RandomKey.From(0, "overwritten"));
            if (c.Genes.Count != c.Sizes.Genes || c.Patients.Count != c.Sizes.Patients) throw new InvalidDataException($"{Description} names {c.Genes.Count} genes and {c.Patients.Count} patients for {c.Sizes.Genes} and {c.Sizes.Patients}");
            using (SafetensorsFile weights = SafetensorsFile.Open(Path.Combine(folder, Weights))) module.ImportState(weights.ReadAll());
            module.Freeze();
            using SafetensorsFile reference = SafetensorsFile.Open(Path.Combine(folder, Reference));
            var posterior = new Posterior(device, reference.ReadTensor("mu").ToArray(), reference.ReadTensor("sigma").ToArray(), [.. reference.ReadIntegers("sample").Select(i => (int)i)], c.Sizes.Samples);
            var hazard = BaselineHazard.Restore(reference.ReadDoubles("baseline_time"), reference.ReadDoubles("baseline_log_cumulative_hazard"));
            bool published = c.SchemaVersion == PublishedSchema;
            ContributionModel? contributions = published ? null
                : ContributionFiles.Read(Path.Combine(folder, ContributionFiles.File), c.Types ?? throw new JsonException("it names no types"), posterior.Mu, posterior.Latent, c.Genes.Count, c.Samples.Count);
            return new ScSurvModel(module, published ? c.Options with { Method = HazardMethod.Published } : c.Options, c.Genes, c.Samples, c.Patients, posterior, reference.ReadTensor("bulk_profile").ToArray()) { Risk = new RiskScale(hazard, c.RiskCenter, c.RiskMedian), Contributions = contributions, Clinical = c.Clinical, LearnedFrom = c.LearnedFrom ?? [] };
        }
        catch (Exception e) when (e is JsonException or InvalidDataException or ArgumentException or SurvivalDataException or FileNotFoundException or KeyNotFoundException or EndOfStreamException)
        {
            throw new InputException($"'{folder}': the model cannot be read ({e.Message.TrimEnd('.')}); fit it again.", e);
        }
    }

    private sealed record Content(string Model, int SchemaVersion, ScSurvSizes Sizes, ScSurvOptions Options, IReadOnlyList<string> Genes, IReadOnlyList<string> Samples, IReadOnlyList<string> Patients, double RiskCenter, double RiskMedian, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<string>? Types = null,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ClinicalPart? Clinical = null,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<string>? LearnedFrom = null);
}
