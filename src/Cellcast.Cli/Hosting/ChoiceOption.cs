using System.CommandLine;

namespace Cellcast.Cli.Hosting;

/// <summary>An option that takes one of a few words, each of which stands for a value.</summary>
internal sealed class ChoiceOption<T> : Option<string>
{
    private readonly (string Word, T Value)[] _choices;

    /// <param name="name">Name with its dashes.</param>
    /// <param name="description">Help text.</param>
    /// <param name="initial">The default value.</param>
    /// <param name="choices">Words and what they stand for.</param>
    internal ChoiceOption(string name, string description, T initial, params (string Word, T Value)[] choices) : this(name, description, choices)
    {
        string word = choices.First(c => EqualityComparer<T>.Default.Equals(c.Value, initial)).Word;
        DefaultValueFactory = _ => word;
    }

    /// <summary>Without a default: left out, it means something of its own.</summary>
    /// <param name="name">Name with its dashes.</param>
    /// <param name="description">Help text.</param>
    /// <param name="choices">Words and what they stand for.</param>
    internal ChoiceOption(string name, string description, params (string Word, T Value)[] choices) : base(name)
    {
        _choices = choices;
        Description = description;
        HelpName = string.Join('|', choices.Select(c => c.Word));
        Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && !Array.Exists(_choices, c => c.Word.Equals(result.Tokens[0].Value, StringComparison.OrdinalIgnoreCase)))
                result.AddError($"{name} takes one of {string.Join(", ", _choices.Select(c => c.Word))}, not '{result.Tokens[0].Value}'.");
        });
    }

    /// <summary>The value that was chosen; where nothing was and there is no default, that of the type.</summary>
    internal T Of(ParseResult arguments)
    {
        if (arguments.GetValue(this) is not { } word) return default!;
        return _choices.First(c => c.Word.Equals(word, StringComparison.OrdinalIgnoreCase)).Value;
    }
}
